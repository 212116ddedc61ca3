// What changes over time: commands a second and how long they took, keys that went.

import { KEPT, colour, count, element, figures, keep, lines, pen, time } from "./draw.js";

export class Rates {
  constructor() {
    this.clear();
  }

  clear() {
    this.commands = [];
    this.expired = [];
    this.evicted = [];
    this.heat = [];
    this.last = null;
    this.info = null;
  }

  add(frame, info) {
    keep(this.heat, frame.heat);
    if (frame.info) {
      const now = {
        at: frame.us,
        commands: Number(info.get("total_commands_processed")),
        expired: Number(info.get("expired_keys")),
        evicted: Number(info.get("evicted_keys")),
      };
      const before = this.last ?? now;
      const seconds = Math.max(0.001, (now.at - before.at) / 1e6);
      const rate = (name) => Math.max(0, (now[name] - before[name]) / seconds);
      // A report comes with each tenth frame; the lines have a value a second, ten places apart.
      if (this.last) {
        for (let at = 0; at < 10; at += 1) {
          keep(this.commands, rate("commands"));
          keep(this.expired, rate("expired"));
          keep(this.evicted, rate("evicted"));
        }
      }
      this.last = now;
      this.info = info;
    }
  }

  draw() {
    lines(element("rates-picture"), [{ values: this.commands, name: "p4" }], (most) => `${count(most)} a second`);
    lines(element("keys-picture"), [{ values: this.expired, name: "p3" }, { values: this.evicted, name: "p6" }],
      (most) => `${count(most)} a second`);
    this.drawHeat();
    const { info } = this;
    if (!info) return;
    figures(element("rates-text"), [
      ["now", count(this.commands.at(-1) ?? 0)],
      ["since the start", count(Number(info.get("total_commands_processed")))],
      ["hits", count(Number(info.get("keyspace_hits")))],
      ["misses", count(Number(info.get("keyspace_misses")))],
      ...busiest(info),
    ]);
    figures(element("keys-text"), [
      ["expired", count(Number(info.get("expired_keys")))],
      ["expired fields", count(Number(info.get("expired_subkeys")))],
      ["evicted", count(Number(info.get("evicted_keys")))],
      ["policy", info.get("maxmemory_policy")],
    ]);
  }

  drawHeat() {
    const { ink, width, height } = pen(element("heat-picture"));
    // Steps of powers of two, from an eighth of a microsecond to a quarter of a second.
    const from = 7, to = 28;
    const left = 52, row = height / (to - from), column = (width - left) / KEPT;
    const most = Math.max(1, ...this.heat.flat());
    this.heat.forEach((counts, at) => {
      const x = width - (this.heat.length - at) * column;
      counts.forEach((number, step) => {
        if (!number) return;
        const y = height - (Math.min(to - 1, Math.max(from, step)) - from + 1) * row;
        ink.fillStyle = `rgba(${colour("hot")}, ${0.15 + 0.85 * Math.log1p(number) / Math.log1p(most)})`;
        ink.fillRect(x, y, Math.max(column, 1) + 0.5, row - 1);
      });
    });
    ink.fillStyle = colour("soft");
    for (const [step, name] of [[10, "1 µs"], [14, "16 µs"], [20, "1 ms"], [27, "0.1 s"]]) {
      ink.fillText(name, 2, height - (step - from) * row + 4);
    }
    const sum = [];
    for (const counts of this.heat.slice(-100)) {
      counts.forEach((number, step) => { sum[step] = (sum[step] ?? 0) + number; });
    }
    figures(element("heat-text"), [
      ["half, of the last ten seconds", percentile(sum, 0.5)],
      ["99 of 100", percentile(sum, 0.99)],
      ["999 of 1000", percentile(sum, 0.999)],
    ]);
  }
}

/** The time below which this part of the counted ones lie, to the power of two. */
export function percentile(counts, part) {
  const all = counts.reduce((sum, number) => sum + (number ?? 0), 0);
  if (all === 0) return "no commands";
  let seen = 0;
  for (let step = 0; step < counts.length; step += 1) {
    seen += counts[step] ?? 0;
    if (seen >= part * all) return `below ${time(2 ** step)}`;
  }
  return "";
}

/** The commands that took most time, with the percentiles that INFO knows. */
function busiest(info) {
  const part = (text, name) => Number(new RegExp(`${name}=([0-9.]+)`).exec(text ?? "")?.[1] ?? 0);
  const all = [...info].filter(([name]) => name.startsWith("cmdstat_"));
  all.sort(([, one], [, other]) => part(other, "usec") - part(one, "usec"));
  return all.slice(0, 4).map(([name, text]) => {
    const command = name.slice("cmdstat_".length);
    const times = info.get(`latency_percentiles_usec_${command}`);
    const shown = ["p50", "p99", "p99.9"].map((name) => time(part(times, name) * 1000)).join(", ");
    return [`${command.replace("|", " ")}: half, 99 %, 99.9 %`, `${count(part(text, "calls"))}: ${shown}`];
  });
}
