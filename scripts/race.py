#!/usr/bin/env python3
"""A race: the tests that redis-benchmark runs when it is told nothing, against Pollux and every redis-server and
valkey-server found (on PATH, in PEERS_DIR/bin, or named by --peers). Writes one page, target/race.html, with bars, latency
curves, and what the machine is.

  scripts/race.py                                   all tests, 100,000 requests each, 50 clients
  scripts/race.py --requests 20000 --pipeline 16    shorter, and with a pipeline
  scripts/race.py --tests set,get,lrange_100 --peers mine=target/old/pollux

Each test is run on one server after the other, so that a noisy moment meets all alike; who is not being measured is
stopped. Servers have one core and the generator another, where there are two. Read the curves before the bars: they say
what the slowest of a hundred, a thousand and ten thousand requests waited for. `scripts/bench.py` measures the same more
patiently, with medians of several rounds and the server's own processor time.
"""

import argparse
import datetime
import html
import json
import math
import os
import platform
import re
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
sys.path.insert(0, HERE)

from bench import Contender, cores, find_binaries, find_benchmark     # noqa: E402

TESTS = ("ping_inline ping_mbulk set get incr lpush rpush lpop rpop sadd hset spop zadd zpopmin lrange_100 lrange_300 lrange_500"
         " lrange_600 mset xadd").split()
COLOURS = ["#1b6ac9", "#d2691e", "#2e8b57", "#8e44ad", "#c0392b", "#7f8c8d"]


# --------------------------------------------------------------------------------------------------------- the running

def parse(text):
    """{title: figures} out of what redis-benchmark prints."""
    found = {}
    for part in re.split(r"====== (?=[^=\n]+ ======)", text)[1:]:
        title = part.split(" ======")[0].strip()
        rate = re.search(r"throughput summary: ([\d.]+) requests per second", part)
        if not rate or "needed to benchmark" in title:
            continue
        curve = [[float(share), float(ms)] for share, ms in re.findall(
            r"^([\d.]+)% <= ([\d.]+) milliseconds", part.split("Cumulative distribution")[0], re.M)]
        figures = re.search(r"avg\s+min\s+p50\s+p95\s+p99\s+max\s*\n\s*([\d. ]+)", part)
        average, _, p50, p95, p99, most = map(float, figures[1].split())
        found[title] = {"rate": float(rate[1]), "avg": average, "p50": p50, "p95": p95, "p99": p99, "max": most, "curve": curve}
    return found


def measure(server, generator, test, opts):
    """One test on one server."""
    pin = cores()
    words = [generator, "-h", "127.0.0.1", "-p", str(server.port), "-t", test, "-n", str(opts.requests), "-c", str(opts.clients),
             "-P", str(opts.pipeline), "-d", str(opts.bytes), "--precision", "3"]
    if opts.keyspace:
        words += ["-r", str(opts.keyspace)]
    server.wake()
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, check=False,
                              preexec_fn=(lambda: os.sched_setaffinity(0, pin[1])) if pin else None)
    finally:
        server.sleep()
    if done.returncode != 0 and "====" not in done.stdout:
        raise SystemExit("race: %s: %s" % (" ".join(words), (done.stderr or done.stdout).strip()[-500:]))
    return parse(done.stdout)


def progress(done, of, text):
    """One line that is written over, where somebody looks; else a line each."""
    line = "[%d/%d] %s" % (done, of, text)
    if sys.stderr.isatty():
        print("\r\033[K" + line[:110], end="" if done < of else "\n", file=sys.stderr, flush=True)
    else:
        print(line, file=sys.stderr, flush=True)


def run(contenders, generator, opts):
    """{title: {name: figures}}, titles in the order of the tests."""
    results, done, of = {}, 0, len(opts.tests) * len(contenders)
    for test in opts.tests:
        for server in contenders:
            progress(done, of, "%s: %s" % (server.name, test))
            for title, figures in measure(server, generator, test, opts).items():
                results.setdefault(title, {})[server.name] = figures
            done += 1
    progress(of, of, "done")
    return results


def machine(generator, opts):
    """What was measured on, and with what."""
    model = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith(("model name", "Model"))), "")
    except OSError:
        shown = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        model = shown.stdout.strip()
    try:
        memory = "%.1f GB" % (os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (ValueError, OSError):
        memory = "?"
    load = "%.1f" % os.getloadavg()[0]
    version = subprocess.run([generator, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return {"processor": model or platform.processor() or platform.machine(), "cores": str(os.cpu_count()), "memory": memory,
            "system": platform.platform(), "load before": load, "generator": version,
            "each test": "%d requests, %d clients, pipeline of %d, values of %d bytes, %s" % (
                opts.requests, opts.clients, opts.pipeline, opts.bytes,
                "keys out of %d" % opts.keyspace if opts.keyspace else "one key"),
            "pinned": "servers to one core, the generator to another" if cores() else "no",
            "when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")}


# ------------------------------------------------------------------------------------------------------------ the page

def number(value):
    return "{:,.0f}".format(value)


def bars(title, figures, names, most):
    """A row for each server, as long as its rate."""
    rows = []
    for place, name in enumerate(names):
        if name not in figures:
            continue
        y, width = 4 + 26 * len(rows), 400 * figures[name]["rate"] / most
        rows.append('<rect x="150" y="%d" width="%.1f" height="18" rx="2" fill="%s"/><text x="142" y="%d" text-anchor="end">%s</text>'
                    '<text x="%.1f" y="%d">%s</text>' % (y, width, COLOURS[place % len(COLOURS)], y + 14, html.escape(name),
                                                         158 + width, y + 14, number(figures[name]["rate"])))
    label = "%s: %s" % (title, ", ".join("%s %s requests per second" % (name, number(figures[name]["rate"]))
                                         for name in names if name in figures))
    return '<svg viewBox="0 0 640 %d" role="img" aria-label="%s">%s</svg>' % (8 + 26 * len(rows), html.escape(label), "".join(rows))


def curve(title, figures, names):
    """Latency over percentiles: to the right ever fewer requests, a tenth of them at each step; both scales are logarithmic."""
    points = [ms for each in figures.values() for _, ms in each["curve"]]
    low, high = math.log10(max(min(points), 0.001)), math.log10(max(max(points), 0.002))
    low, high = math.floor(low * 2) / 2, max(math.ceil(high * 2) / 2, low + 0.5)
    deepest = 5

    def x(share):
        return 60 + 520 * min(-math.log10(max(1 - share / 100, 10 ** -deepest)), deepest) / deepest

    def y(ms):
        return 170 - 150 * (math.log10(max(ms, 0.001)) - low) / (high - low)

    parts = []
    for step, label in enumerate(("0", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %")):
        at = 60 + 520 * step / deepest
        parts.append('<path class="grid" d="M%.1f 20V170"/><text x="%.1f" y="188" text-anchor="middle">%s</text>' % (at, at, label))
    for half in range(int(low * 2), int(high * 2) + 1):
        ms = 10 ** (half / 2)
        label = "%g ms" % ms if half % 2 == 0 else ""
        parts.append('<path class="grid" d="M60 %.1fH580"/><text x="54" y="%.1f" text-anchor="end">%s</text>' % (
            y(ms), y(ms) + 4, label))
    for place, name in enumerate(names):
        if name in figures:
            path = " ".join("%.1f %.1f" % (x(share), y(ms)) for share, ms in figures[name]["curve"])
            parts.append('<path fill="none" stroke-width="2" stroke="%s" d="M%s"/>' % (COLOURS[place % len(COLOURS)], path))
    label = "%s, latency: %s" % (title, "; ".join("%s p50 %.3f ms, p99 %.3f ms, slowest %.3f ms" % (
        name, figures[name]["p50"], figures[name]["p99"], figures[name]["max"]) for name in names if name in figures))
    return '<svg viewBox="0 0 640 196" role="img" aria-label="%s">%s</svg>' % (html.escape(label), "".join(parts))


STYLE = """
:root { --paper: #fdfcfa; --ink: #1d2430; --line: #d9d6cf }
@media (prefers-color-scheme: dark) { :root { --paper: #14171d; --ink: #e3e7ee; --line: #39414e } }
body { margin: 0 auto; padding: 1rem; max-width: 84rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
svg { width: 100%; font: 13px system-ui, sans-serif; fill: var(--ink) } .grid { stroke: var(--line); fill: none }
section { display: grid; grid-template-columns: repeat(auto-fit, minmax(30rem, 1fr)); gap: 0 2rem; border-top: 1px solid var(--line) }
section h2 { grid-column: 1 / -1; font-size: 1.05rem; margin: .8rem 0 .2rem }
table { border-collapse: collapse } td { padding: .15rem .8rem .15rem 0; vertical-align: top } .key { font-weight: 600 }
"""


def page(results, contenders, facts):
    names = [server.name for server in contenders]
    most = max((figures["rate"] for each in results.values() for figures in each.values()), default=1)
    key = " ".join('<span class="key" style="color:%s">&#9632;</span> %s %s' % (
        COLOURS[place % len(COLOURS)], html.escape(server.name),
        html.escape(server.version if place else "(answers as Redis %s)" % server.version)) for place, server in enumerate(contenders))
    rows = "".join("<tr><td>%s</td><td>%s</td></tr>" % (html.escape(name), html.escape(value)) for name, value in facts.items())
    sections = "".join("<section><h2>%s</h2><div>%s</div><div>%s</div></section>\n" % (
        html.escape(title), bars(title, figures, names, most), curve(title, figures, names)) for title, figures in results.items())
    data = json.dumps({"machine": facts, "servers": {server.name: server.version for server in contenders}, "results": results})
    return ('<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n'
            "<title>A race</title>\n<style>%s</style>\n<h1>A race</h1>\n<p>%s</p>\n<p>Bars: requests per second. Curves: how long the"
            " slowest of ten, of a hundred, of a thousand requests waited; to the right ever fewer, both scales logarithmic."
            "</p>\n%s<h2>The machine</h2>\n<table>%s</table>\n<script type=\"application/json\" id=\"data\">%s</script>\n</html>\n"
            % (STYLE, key, sections, rows, data.replace("<", "\\u003c")))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"), help="our server")
    parser.add_argument("--peers", help="name=path or path, with commas between; those found come after them")
    parser.add_argument("--tests", default=",".join(TESTS), help="as redis-benchmark's -t (%(default)s)")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--pipeline", type=int, default=1)
    parser.add_argument("--bytes", type=int, default=3, help="of a value")
    parser.add_argument("--keyspace", type=int, default=0, help="random keys out of so many; else one key")
    parser.add_argument("--to", default=os.path.join(ROOT, "target", "race.html"), help="the page (%(default)s)")
    opts = parser.parse_args()
    opts.tests = [test for test in opts.tests.split(",") if test]
    generator = find_benchmark()
    if not generator:
        raise SystemExit("race: there is no redis-benchmark; scripts/setup.sh installs it")
    facts = machine(generator, opts)
    contenders = []
    try:
        for name, path in [("pollux", opts.bin), *find_binaries(opts.peers)]:
            contenders.append(Contender(name, os.path.abspath(path)))
            contenders[-1].sleep()
        results = run(contenders, generator, opts)
    finally:
        for server in contenders:
            server.stop()
    os.makedirs(os.path.dirname(os.path.abspath(opts.to)), exist_ok=True)
    with open(opts.to, "w", encoding="utf-8") as file:
        file.write(page(results, contenders, facts))
    print(os.path.relpath(opts.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
