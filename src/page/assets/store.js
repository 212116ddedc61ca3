// The wheel, the table, the snapshot, memory.

import { bytes, colour, count, element, figures, pen, time } from "./draw.js";

const RINGS = 5;

export class Store {
  constructor() {
    this.clear();
    element("wheel-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.follow(element("wheel-key").value);
    });
  }

  clear() {
    this.wheel = null;
    this.chains = [];
    this.tables = [];
    this.info = null;
    this.key = null;
    this.place = null;
    this.drift = 0;
    clearInterval(this.asking);
  }

  add(frame, info) {
    this.now = frame.now;
    // The hand goes on between two frames by our own clock.
    this.drift = frame.now - Date.now();
    this.tables = frame.tables ?? this.tables;
    if (frame.wheel) {
      this.wheel = frame.wheel;
      this.chains = frame.chains;
      this.near = frame.near;
    }
    if (frame.info) this.info = info;
  }

  /** Watches a key until its time has come. */
  follow(key) {
    clearInterval(this.asking);
    this.key = key || null;
    this.place = null;
    if (!this.key) return;
    const ask = async () => {
      const db = this.near ?? 0;
      const answer = await fetch(`/place?db=${db}&key=${encodeURIComponent(this.key)}`).catch(() => null);
      if (!answer?.ok) return;
      const place = await answer.json();
      const was = this.place;
      this.place = place;
      const say = element("wheel-text");
      if (place.deadline) return;
      if (was?.deadline) {
        say.textContent = `${this.key} fired: it is gone.`;
        clearInterval(this.asking);
      } else {
        say.textContent = place.kind ? `${this.key} has no deadline.` : `There is no key ${this.key}.`;
      }
    };
    ask();
    this.asking = setInterval(ask, 250);
  }

  /** `isStill`: time stands where it was. */
  draw(isStill) {
    if (!isStill) this.moment = Date.now() + this.drift;
    this.drawWheel();
    this.drawTable();
    this.drawSnapshot();
    this.drawMemory();
  }

  drawWheel() {
    const { ink, width, height } = pen(element("wheel-picture"));
    const centre = [width / 2, height / 2];
    const outer = Math.min(width, height) / 2 - 6;
    const ring = outer / (RINGS + 1);
    const now = this.moment ?? Date.now();
    const angleOf = (slot) => (slot / 256) * 2 * Math.PI - Math.PI / 2;
    const arc = (level, from, to) => {
      const radius = outer - (RINGS - 1 - level) * ring;
      ink.beginPath();
      ink.arc(...centre, radius, angleOf(from), angleOf(to));
      ink.arc(...centre, radius - ring + 3, angleOf(to), angleOf(from), true);
      ink.closePath();
    };
    const names = ["256 ms", "65 s", "4.7 h", "50 days", "35 years"];
    for (let level = 0; level < RINGS; level += 1) {
      arc(level, 0, 256);
      ink.fillStyle = colour("paper");
      ink.fill();
      ink.strokeStyle = colour("line");
      ink.stroke();
      const slots = this.wheel?.levels[level] ?? [];
      const most = Math.max(1, ...slots.map(([, number]) => number));
      for (const [slot, number] of slots) {
        arc(level, slot, slot + Math.max(1, 1.2));
        ink.globalAlpha = 0.35 + 0.65 * Math.log1p(number) / Math.log1p(most);
        ink.fillStyle = colour("p4");
        ink.fill();
        ink.globalAlpha = 1;
      }
      // The hand of this ring, and for the two fast ones the part of a slot that has passed.
      const unit = 256 ** level;
      const hand = (now / unit) % 256;
      arc(level, hand - 0.4, hand + 0.4);
      ink.fillStyle = colour("accent");
      ink.fill();
      ink.fillStyle = colour("soft");
      ink.textAlign = "center";
      ink.fillText(names[level], centre[0], centre[1] - outer + (RINGS - 1 - level) * ring + ring / 2 + 4);
      ink.textAlign = "left";
    }
    this.drawDot(ink, centre, outer, ring, angleOf, now);
    if (this.wheel) {
      ink.fillStyle = colour("ink");
      ink.textAlign = "center";
      ink.fillText(count(this.wheel.records), centre[0], centre[1] + 4);
      ink.textAlign = "left";
    }
  }

  drawDot(ink, centre, outer, ring, angleOf, now) {
    if (!this.place?.deadline || !this.wheel) return;
    const { level, slot } = filed(this.place.deadline, now);
    const left = this.place.deadline - now;
    element("wheel-text").textContent = left > 0
      ? `${this.key} is due in ${time(left * 1e6)}: ring ${level + 1}, slot ${slot}.`
      : `${this.key} is due.`;
    const radius = outer - (RINGS - 1 - Math.min(level, RINGS - 1)) * ring - ring / 2;
    const angle = angleOf(slot + 0.5);
    ink.beginPath();
    ink.arc(centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle), 7, 0, 2 * Math.PI);
    ink.fillStyle = colour("p6");
    ink.fill();
    ink.strokeStyle = colour("ink");
    ink.stroke();
  }

  drawTable() {
    const { ink, width, height } = pen(element("table-picture"));
    const bottom = height - 16;
    const table = this.tables.find(({ db }) => db === this.near) ?? this.tables[0];
    if (!table) {
      ink.fillStyle = colour("soft");
      ink.fillText("no keys yet", 4, bottom - 4);
      figures(element("table-text"), []);
      return;
    }
    const most = Math.max(12, ...this.chains);
    const column = width / Math.max(1, this.chains.length);
    const scale = (length) => (length / most) * (bottom - 6);
    this.chains.forEach((length, at) => {
      ink.fillStyle = colour(length > 8 ? "p6" : "p3");
      ink.fillRect(at * column, bottom - scale(length), Math.max(1, column - (column > 3 ? 1 : 0)), scale(length));
    });
    ink.strokeStyle = colour("soft");
    ink.beginPath();
    ink.moveTo(0, bottom - scale(8));
    ink.lineTo(width, bottom - scale(8));
    ink.stroke();
    ink.fillStyle = colour("soft");
    ink.fillText("eight: a bucket", 2, bottom - scale(8) - 3);
    const mark = (table.split / table.buckets) * width;
    ink.fillStyle = colour("accent");
    ink.fillRect(mark - 1, 0, 3, bottom);
    ink.beginPath();
    ink.moveTo(mark - 6, height);
    ink.lineTo(mark + 7, height);
    ink.lineTo(mark + 0.5, bottom);
    ink.fill();
    figures(element("table-text"), [
      ["database", table.db],
      ["keys", count(table.keys)],
      ["buckets", count(table.buckets)],
      ["overflow buckets", count(table.overflow)],
      ["next to be divided", `${count(table.split)} of ${count(table.round)}`],
      ["keys with a deadline", count(table.deadlines)],
    ]);
  }

  drawSnapshot() {
    const { ink, width, height } = pen(element("snapshot-picture"));
    const walked = this.tables.filter((table) => table.frozen !== undefined);
    const row = Math.min(24, (height - 4) / Math.max(1, walked.length));
    walked.forEach((table, at) => {
      const y = 2 + at * row;
      ink.fillStyle = colour("p0");
      ink.fillRect(0, y, width, row - 4);
      ink.fillStyle = colour("p2");
      ink.fillRect(0, y, width * table.frozen, row - 4);
      ink.fillStyle = colour("ink");
      ink.fillText(`database ${table.db}: ${(table.frozen * 100).toFixed(0)} %`, 6, y + row / 2 + 2);
    });
    const { info } = this;
    if (walked.length === 0) {
      ink.fillStyle = colour("soft");
      ink.fillText("none is being taken: type BGSAVE", 4, height / 2);
    }
    if (!info) return;
    figures(element("snapshot-text"), [
      ["keys that it has", `${count(Number(info.get("current_save_keys_processed")))} of ${count(Number(info.get("current_save_keys_total")))}`],
      ["copied before a write", bytes(Number(info.get("current_cow_size")))],
      ["the one before copied", bytes(Number(info.get("rdb_last_cow_size")))],
      ["the one before", `${info.get("rdb_last_bgsave_status")}, ${info.get("rdb_last_bgsave_time_sec")} s`],
      ["changes since", count(Number(info.get("rdb_changes_since_last_save")))],
    ]);
  }

  drawMemory() {
    const { ink, width, height } = pen(element("memory-picture"));
    const { info } = this;
    if (!info) return;
    const of = (name) => Number(info.get(name) ?? 0);
    const rest = of("used_memory_overhead") - of("mem_clients_normal") - of("mem_clients_slaves")
      - of("mem_replication_backlog") - of("used_memory_startup");
    const kinds = [
      ["values and keys", of("used_memory_dataset"), "p3"],
      ["tables and wheel", Math.max(0, rest), "p4"],
      ["clients", of("mem_clients_normal") + of("mem_clients_slaves"), "p2"],
      ["backlog", of("mem_replication_backlog"), "p5"],
      ["the server itself", of("used_memory_startup"), "p1"],
    ];
    const all = kinds.reduce((sum, [, number]) => sum + number, 0) || 1;
    let x = 0;
    for (const [, number, name] of kinds) {
      const part = (number / all) * width;
      ink.fillStyle = colour(name);
      ink.fillRect(x, 4, Math.max(0, part - 1), height - 24);
      x += part;
    }
    ink.fillStyle = colour("soft");
    const limit = of("maxmemory");
    ink.fillText(`${bytes(of("used_memory"))} in use, ${limit ? `${bytes(limit)} allowed` : "no limit"}`, 2, height - 4);
    figures(element("memory-text"), [
      ...kinds.map(([name, number]) => [name, bytes(number)]),
      ["at most so far", bytes(of("used_memory_peak"))],
      ["given by the system", bytes(of("used_memory_rss"))],
    ]);
  }
}

/** Where the wheel files a time: by the highest byte in which it differs from now. */
export function filed(deadline, now) {
  let level = 0;
  while (level < 7 && Math.floor(deadline / 256 ** (level + 1)) !== Math.floor(now / 256 ** (level + 1))) level += 1;
  return { level, slot: Math.floor(deadline / 256 ** level) % 256 };
}
