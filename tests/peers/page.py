#!/usr/bin/env python3
"""The live page in a real browser, with a server under load, a replica and an append-only file.

  tests/peers/page.py --bin target/release/pollux --pictures target/page

Every picture must have been drawn from what the server does; pause, step, zoom, follow, the prompt and the record must
work, by the keyboard too; the browser must have nothing to complain of and must ask nobody else. axe-core, from npm,
looks at contrast and labels where it can be had. --pictures keeps screenshots: light, dark, on a phone, on a projector,
and two that README.md shows, as docs/pictures/page-turns.png and page-store.png.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from browser import Browser, find_browser
from resp import Connection
from servers import Server, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
AXE_VERSION = "4.10.3"

PICTURES = ["turns", "rates", "heat", "wheel", "table", "snapshot", "memory", "keys", "replicas"]


class Load(threading.Thread):
    """Commands of all kinds until it is told to stop."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.is_over = port, False

    def run(self):
        clients = [Connection(self.port) for _ in range(4)]
        number = 0
        while not self.is_over:
            for client in clients:
                batch = []
                for _ in range(20):
                    number += 1
                    key = b"key:%d" % (number % 30000)
                    batch.append([b"SET", key, b"x" * 40, b"PX", b"%d" % (200 + number % 50 * 400)])
                    batch.append([b"GET", key])
                client.converse(batch)
                client("LPUSH", "list", number)
                client("LRANGE", "list", 0, 200)
            if number % 8000 < 80:
                client("BGSAVE")
            time.sleep(0.005)


def find_axe():
    """axe-core's file, fetched by npm into the cache of the tests; None where that cannot be had."""
    folder = os.path.join(os.path.expanduser("~/.cache"), "pollux-axe-" + AXE_VERSION)
    path = os.path.join(folder, "node_modules", "axe-core", "axe.min.js")
    if not os.path.exists(path) and shutil.which("npm"):
        subprocess.run(["npm", "install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix", folder,
                        "axe-core@" + AXE_VERSION], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
    return path if os.path.exists(path) else None


class Scene:
    def __init__(self, binary, program):
        self.page = free_port()
        self.server = Server(binary, "primary", ["--page-port", str(self.page), "--page-prompt", "all", "--appendonly", "yes",
                                                 "--slowlog-log-slower-than", "200"])
        self.replica = Server(binary, "replica", ["--replicaof", "127.0.0.1", str(self.server.port)])
        self.load = Load(self.server.port)
        self.load.start()
        self.browser = Browser(program)
        self.browser.screen(1280, 900, "light")

    def discard(self):
        self.load.is_over = True
        self.browser.discard()
        self.replica.discard()
        self.server.discard()


def frames(count):
    return "Number(document.documentElement?.dataset.frames || 0) >= %d" % count


def everything_is_drawn(scene):
    browser = scene.browser
    browser.open("http://127.0.0.1:%d/" % scene.page)
    browser.until(frames(40), "forty frames")
    for name in PICTURES:
        script = """(() => {
            const canvas = document.getElementById("%s-picture");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            const seen = new Set();
            for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) seen.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
            return seen.size;
        })()""" % name
        browser.until(script + " >= 2", "something drawn in " + name)
    for name, word in [("rates-text", "since the start"), ("heat-text", "below"), ("table-text", "buckets"), ("memory-text", "values and keys"),
                       ("keys-text", "expired"), ("log-text", "last write"), ("replicas-text", "online"), ("clients-list", "127.0.0.1"),
                       ("slow-list", "Command")]:
        browser.until("document.getElementById(%r).textContent.includes(%r)" % (name, word), "%s in %s" % (word, name))


def turns_can_be_stepped(scene):
    browser = scene.browser
    browser.value("document.getElementById('turns-picture').focus()")
    browser.press(" ", "Space", " ")
    browser.until("document.getElementById('pause').getAttribute('aria-pressed') === 'true'", "a pause")
    number = "Number((/Turn (\\d+):/.exec(document.getElementById('turn-text').textContent) || [])[1])"
    seen = []
    for _ in range(5):
        browser.press("ArrowRight")
        seen.append(browser.value(number))
        time.sleep(0.15)
    assert seen == sorted(set(seen)), "each step is a later turn: %s" % seen
    browser.press("ArrowLeft")
    assert browser.value(number) == seen[-2], "and back again"
    text = browser.value("document.getElementById('turn-text').textContent")
    assert "handle_inputs" in text and "execute" in text, text
    before = browser.value("document.getElementById('turns-picture').toDataURL()")
    browser.value("document.getElementById('wider').click()")
    time.sleep(0.4)
    assert browser.value("document.getElementById('turns-picture').toDataURL()") != before, "zoomed in"
    browser.value("document.getElementById('narrower').click()")
    browser.value("document.getElementById('pause').click()")


def a_client_can_be_followed(scene):
    browser = scene.browser
    client = Connection(scene.server.port)
    client("CLIENT", "SETNAME", "followed")
    number = int(client("CLIENT", "ID").value)
    browser.until("[...document.getElementById('follow').options].some((option) => option.value === '%d')" % number, "the client in the list")
    browser.value("(() => { const all = document.getElementById('follow'); all.value = '%d'; all.dispatchEvent(new Event('change')); })()" % number)
    scene.load.is_over = True
    scene.load.join()
    deadline = time.time() + 20
    while True:
        client("ECHO", "found")
        browser.press("ArrowRight")
        text = browser.value("document.getElementById('turn-text').textContent")
        if "ECHO" in text and str(number) in text:
            break
        assert time.time() < deadline, text
        browser.value("document.getElementById('pause').click()")
        time.sleep(0.3)
    browser.value("document.getElementById('pause').getAttribute('aria-pressed') === 'true' && document.getElementById('pause').click()")
    browser.value("(() => { const all = document.getElementById('follow'); all.value = ''; all.dispatchEvent(new Event('change')); })()")
    scene.load = Load(scene.server.port)
    scene.load.start()


def a_deadline_can_be_followed(scene):
    browser = scene.browser
    Connection(scene.server.port)("SET", "dot", "1", "PX", "3000")
    browser.value("(() => { document.getElementById('wheel-key').value = 'dot'; document.getElementById('wheel-form').requestSubmit(); })()")
    browser.until("/ring \\d, slot \\d+/.test(document.getElementById('wheel-text').textContent)", "a place in the wheel")
    browser.until("document.getElementById('wheel-text').textContent.includes('fired')", "its end")


def a_command_is_told_of(scene):
    browser = scene.browser

    def type_in(line):
        browser.value("(() => { document.getElementById('prompt-line').value = %s; document.getElementById('prompt-form').requestSubmit(); })()"
                      % json.dumps(line))
        browser.until("document.getElementById('prompt-way').textContent.includes(%s)" % json.dumps("> " + line), "an answer to " + line)
        return browser.value("document.getElementById('prompt-way').textContent")

    type_in("SET greeting hello")
    text = type_in("GET greeting")
    for part in ["hello", "lead to bucket", "the tag", "$8", "greeting", "Turn ", "handle_inputs"]:
        assert part in text, (part, text)
    assert "(error) ERR" in type_in("NO SUCH")
    assert "the command waits" in type_in("BLPOP nothing 3")


def a_record_can_be_kept_and_opened(scene):
    browser = scene.browser
    browser.value("document.getElementById('record').click()")
    time.sleep(3)
    browser.value("document.getElementById('record').click()")
    deadline = time.time() + 30
    while not any(name.endswith(".json") for name in os.listdir(browser.downloads)):
        assert time.time() < deadline, "no file was saved"
        time.sleep(0.1)
    path = os.path.join(browser.downloads, next(name for name in os.listdir(browser.downloads) if name.endswith(".json")))
    time.sleep(0.3)
    record = json.load(open(path))
    assert len(record["frames"]) >= 10 and record["hello"]["phases"][0] == "sleep"
    browser.give_file("#open", path)
    browser.until("document.getElementById('state').textContent.includes('a record')", "the record")
    browser.until("!document.getElementById('live').hidden", "the way back")
    browser.value("document.getElementById('live').click()")
    browser.until("document.getElementById('state').textContent === 'live'", "the server again")
    browser.until("document.getElementById('live').hidden", "no way back from there")


def the_keyboard_reaches_everything(scene):
    browser = scene.browser
    browser.value("document.activeElement.blur(), window.scrollTo(0, 0)")
    wanted = set(browser.value("""[...document.querySelectorAll("a[href], button, select, input, canvas[tabindex], .scroll")]
        .filter((one) => !one.disabled && one.getClientRects().length && !one.closest("table"))
        .map((one) => one.id || one.getAttribute("aria-label") || one.getAttribute("aria-labelledby") || one.textContent)"""))
    seen = set()
    for _ in range(400):
        browser.press("Tab")
        seen.add(browser.value("""(() => { const one = document.activeElement;
            return one.id || one.getAttribute("aria-label") || one.getAttribute("aria-labelledby") || one.textContent; })()"""))
        if wanted <= seen:
            return
    raise AssertionError("not reached: %s" % sorted(wanted - seen))


def axe_finds_nothing(scene):
    axe = find_axe()
    if axe is None:
        print("page: axe-core cannot be had (npm), so contrast and labels were not looked at", file=sys.stderr)
        return
    browser = scene.browser
    for scheme in ("light", "dark"):
        browser.screen(1280, 900, scheme)
        time.sleep(0.5)
        browser.value(open(axe).read() + "; 0")
        found = browser.value("axe.run(document, {resultTypes: ['violations']}).then((all) => all.violations.map((one) =>"
                              " one.id + ': ' + one.nodes.map((node) => node.html.slice(0, 120) + ' ' + node.failureSummary).join('; ')))")
        assert not found, "%s: %s" % (scheme, "\n".join(found)[:3000])


def screenshots(scene, folder):
    os.makedirs(folder, exist_ok=True)
    browser = scene.browser
    for name, width, height, scheme, phone in [("light", 1280, 1400, "light", False), ("dark", 1280, 1400, "dark", False),
                                               ("phone", 390, 844, "light", True), ("projector", 1920, 1080, "light", False)]:
        browser.screen(width, height, scheme, phone)
        browser.value("window.scrollTo(0, 0)")
        time.sleep(1.5)
        wide = browser.value("document.documentElement.scrollWidth")
        assert wide <= width, "%s: the page is %d wide" % (name, wide)
        browser.picture(os.path.join(folder, name + ".png"))
    # Two for README.md.
    for name, part in [("turns", "turns"), ("store", "rates")]:
        browser.screen(1280, 860, "light")
        browser.value("document.activeElement.blur()")
        browser.value("document.getElementById('%s').scrollIntoView()" % part)
        time.sleep(1.5)
        browser.picture(os.path.join(folder, name + ".png"))


def nobody_else_was_asked(scene):
    own = "http://127.0.0.1:%d/" % scene.page
    others = [address for address in scene.browser.addresses if not address.startswith((own, "data:", "blob:"))]
    assert not others, others
    assert not scene.browser.errors, scene.browser.errors


STEPS = [everything_is_drawn, turns_can_be_stepped, a_client_can_be_followed, a_deadline_can_be_followed, a_command_is_told_of,
         a_record_can_be_kept_and_opened, the_keyboard_reaches_everything, axe_finds_nothing]


def play(binary, folder, only=None):
    scene = Scene(binary, find_browser())
    try:
        for step in STEPS:
            if only and only not in step.__name__ and step is not everything_is_drawn:
                continue
            started = time.time()
            step(scene)
            print("page: %-40s %4.1f s" % (step.__name__.replace("_", " "), time.time() - started), flush=True)
        screenshots(scene, folder)
        nobody_else_was_asked(scene)
    finally:
        scene.discard()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "pollux"))
    parser.add_argument("--pictures", default=os.path.join(ROOT, "target", "page"), help="where screenshots go (%(default)s)")
    parser.add_argument("--only", help="only the step with this word in its name")
    opts = parser.parse_args()
    if find_browser() is None:
        print("page: there is no Chromium, so the page was not looked at; scripts/setup.sh --missing says how to get it", file=sys.stderr)
        return 1 if os.environ.get("CI") else 0
    play(opts.bin, opts.pictures, opts.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
