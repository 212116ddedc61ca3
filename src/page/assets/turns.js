// Turns as columns, and one of them opened.

import { bytes, colour, element, make, pen, time, way } from "./draw.js";

// A turn comes as an array; these are its places.
const NUMBER = 0, WOKE = 1, SPENT = 2, EVENTS = 3, ACCEPTED = 4, CLIENTS = 5, GROUPS = 6, READS = 7, WRITES = 8,
  BYTES_IN = 9, BYTES_OUT = 10, OWN = 11, REQUESTS = 12;

const KEPT = 3000;

const PHASES = [
  ["sleep", "waits in the poll", "src/reactor/phases.rs: sleep"],
  ["notice", "writes down who is ready", "src/reactor/phases.rs: notice, tell"],
  ["accept", "lets newcomers in", "src/reactor/phases.rs: accept, settle_connects"],
  ["read", "reads once from each who is ready", "src/reactor/phases.rs: receive, read"],
  ["execute", "takes requests apart and runs them", "src/engine/turn.rs: handle_inputs, run_round"],
  ["settle", "timers, snapshot, the append-only file", "src/engine/sleep.rs: before_sleep"],
  ["write", "sends each client its replies", "src/reactor/phases.rs: flush, flush_one"],
  ["close", "lets go of those who left", "src/reactor/phases.rs: bury"],
];

export class Turns {
  constructor() {
    this.all = [];
    // Came while the picture stands still.
    this.waiting = [];
    this.isPaused = false;
    this.columnWidth = 10;
    this.chosen = null;
    this.followed = null;
    this.showsOwn = false;
    this.canvas = element("turns-picture");
    this.canvas.addEventListener("click", (event) => this.chooseAt(event.offsetX));
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 1.25 : 0.8);
    }, { passive: false });
    element("legend").replaceChildren(...PHASES.map(([name, what], at) =>
      make("li", {}, make("i", { class: `c${at}` }), `${name}: ${what}`)));
  }

  clear() {
    this.all = [];
    this.waiting = [];
  }

  add(frame) {
    const known = new Set(frame.turns.map((turn) => turn[NUMBER]));
    const slowest = (frame.slowest ?? []).filter((turn) => !known.has(turn[NUMBER]));
    const turns = [...frame.turns, ...slowest].sort((one, other) => one[NUMBER] - other[NUMBER]);
    const to = this.isPaused ? this.waiting : this.all;
    to.push(...turns);
    if (to.length > KEPT) to.splice(0, to.length - KEPT);
  }

  pause(isPaused) {
    this.isPaused = isPaused;
    if (!isPaused) {
      this.all.push(...this.waiting);
      this.waiting = [];
      this.chosen = null;
    }
  }

  shown() {
    return this.all.filter((turn) => this.isShown(turn));
  }

  isShown(turn) {
    if (turn[OWN] && !this.showsOwn) return false;
    return this.followed === null || turn[REQUESTS].some(([, client]) => client === this.followed);
  }

  zoom(factor) {
    this.columnWidth = Math.min(80, Math.max(2, this.columnWidth * factor));
  }

  /** One turn on, or back. Past the last that is shown comes the first that waits. */
  step(by) {
    const shown = this.shown();
    let at = shown.findIndex((turn) => turn === this.chosen);
    if (at < 0) at = by > 0 ? shown.length - 1 : shown.length;
    at += by;
    if (at >= shown.length) {
      let next = this.waiting.shift();
      while (next && !this.isShown(next)) {
        this.all.push(next);
        next = this.waiting.shift();
      }
      if (!next) return this.choose(shown.at(-1));
      this.all.push(next);
      return this.choose(next);
    }
    return this.choose(shown[Math.max(0, at)]);
  }

  chooseAt(x) {
    const shown = this.shown();
    const fromRight = Math.floor((this.canvas.clientWidth - x) / this.columnWidth);
    this.choose(shown[shown.length - 1 - fromRight]);
  }

  choose(turn) {
    if (!turn) return;
    this.chosen = turn;
    element("turn-text").replaceChildren(...openTurn(turn, (client) => this.onFollow?.(client)));
  }

  /** The turn in which a client ran such a command, the last of them. */
  turnOf(client, name) {
    const all = [...this.all, ...this.waiting];
    return all.findLast((turn) => turn[REQUESTS].some(([known, who]) => who === client && (!name || known === name)));
  }

  draw() {
    const { ink, width, height } = pen(this.canvas);
    const shown = this.shown().slice(-Math.ceil(width / this.columnWidth));
    const bottom = height - 18;
    // One long turn must not make all others flat: what is longer than nearly all is cut, and marked.
    const sorted = shown.map(awake).sort((one, other) => one - other);
    const most = Math.max(20000, 1.15 * (sorted[Math.floor(0.9 * (sorted.length - 1))] ?? 0));
    ink.strokeStyle = colour("line");
    ink.fillStyle = colour("soft");
    const heightOf = (part) => bottom - part * (bottom - 16);
    for (const part of [0.5, 1]) {
      ink.beginPath();
      ink.moveTo(0, heightOf(part));
      ink.lineTo(width, heightOf(part));
      ink.stroke();
    }
    const body = Math.max(1, this.columnWidth - (this.columnWidth > 4 ? 1 : 0));
    shown.forEach((turn, at) => {
      const x = width - (shown.length - at) * this.columnWidth;
      let y = bottom;
      turn[SPENT].forEach((ns, phase) => {
        if (phase === 0 || ns === 0) return;
        const part = Math.min((ns / most) * (bottom - 16), y - 10);
        if (part <= 0) return;
        ink.fillStyle = colour(`p${phase}`);
        ink.fillRect(x, y - part, body, part);
        y -= part;
      });
      if (awake(turn) > most * 1.03) {
        ink.fillStyle = colour("ink");
        ink.fillRect(x, 5, body, 3);
      }
      // The sleep before it, as a line of up to a tenth of a second below.
      const slept = Math.min(1, turn[SPENT][0] / 1e8) * 8;
      ink.fillStyle = colour("p0");
      ink.fillRect(x, bottom + 2, body, Math.max(1, slept));
      if (turn === this.chosen) {
        ink.strokeStyle = colour("ink");
        ink.strokeRect(x - 0.5, Math.min(y, bottom - 4) - 2.5, body + 1, bottom - Math.min(y, bottom - 4) + 4);
      }
    });
    for (const part of [0.5, 1]) {
      const text = time(part * most);
      ink.fillStyle = colour("card");
      ink.fillRect(0, heightOf(part) - 14, ink.measureText(text).width + 6, 13);
      ink.fillStyle = colour("soft");
      ink.fillText(text, 2, heightOf(part) - 3);
    }
    if (shown.length === 0) {
      ink.fillText(this.followed === null ? "no turns yet: type a command" : "no turns of this client yet", 40, bottom - 20);
    }
  }
}

function awake(turn) {
  return turn[SPENT].slice(1).reduce((sum, ns) => sum + ns, 0);
}

/** What a phase had to do, in words. */
function deed(turn, phase) {
  const told = {
    sleep: `${turn[EVENTS]} event${turn[EVENTS] === 1 ? "" : "s"} ended it`,
    accept: turn[ACCEPTED] ? `${turn[ACCEPTED]} came in` : "",
    read: turn[READS] ? `${bytes(turn[BYTES_IN])} in ${turn[READS]} read${turn[READS] === 1 ? "" : "s"}` : "",
    execute: turn[CLIENTS] ? `${turn[CLIENTS]} client${turn[CLIENTS] === 1 ? "" : "s"} in ${turn[GROUPS]} group${turn[GROUPS] === 1 ? "" : "s"}` : "",
    write: turn[WRITES] ? `${bytes(turn[BYTES_OUT])} in ${turn[WRITES]} write${turn[WRITES] === 1 ? "" : "s"}` : "",
  };
  return told[phase] ?? "";
}

export function openTurn(turn, follow) {
  const most = Math.max(1, ...turn[SPENT].slice(1));
  const rows = PHASES.map(([name, , where], phase) => {
    const ns = turn[SPENT][phase];
    const bar = make("div", { class: `bar c${phase}` });
    bar.style.width = `${phase === 0 ? 0 : (ns / most) * 100}%`;
    return make("tr", {},
      make("th", { scope: "row" }, make("i", { class: `swatch c${phase}` }), name),
      make("td", { class: "number" }, time(ns)),
      make("td", {}, bar),
      make("td", {}, deed(turn, name)),
      make("td", {}, way(where)));
  });
  const phases = make("table", {},
    make("thead", {}, make("tr", {}, ...["Phase", "Time", "Share", "What", "Where"].map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows));
  const requests = turn[REQUESTS];
  const list = requests.map(([name, client, ns]) => {
    const button = make("button", { title: "Follow this client" }, String(client));
    button.addEventListener("click", () => follow(client));
    return make("tr", {}, make("td", {}, name.replace("|", " ").toUpperCase()), make("td", {}, button), make("td", { class: "number" }, time(ns)));
  });
  const ran = requests.length
    ? make("table", {}, make("thead", {}, make("tr", {}, ...["Command", "Client", "Time"].map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...list))
    : make("p", { class: "note" }, turn[CLIENTS] && !turn[OWN]
      ? "The requests of this turn were not noted: a busy loop notes those of one turn in many, so that noting costs it next to nothing."
      : "No command ran in it.");
  const title = `Turn ${turn[NUMBER]}: awake for ${time(awake(turn))} after a sleep of ${time(turn[SPENT][0])}`
    + (turn[OWN] ? ", for this page" : "");
  const scroll = make("div", { class: "scroll all", tabindex: "0", role: "group", "aria-label": "Phases of the turn" }, phases);
  const others = make("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Requests of the turn" }, ran);
  return [make("p", {}, title), make("div", { class: "pair" }, scroll, others)];
}

export { CLIENTS, NUMBER, OWN, REQUESTS, SPENT, WOKE };
