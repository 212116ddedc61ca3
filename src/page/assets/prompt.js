// A small redis-cli: one line goes to the server, and its way is told step by step.

import { element, make, way } from "./draw.js";
import { openTurn } from "./turns.js";

export class Prompt {
  constructor(turns) {
    this.turns = turns;
    this.history = [];
    this.at = 0;
    const line = element("prompt-line");
    element("prompt-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send(line.value);
      line.value = "";
    });
    line.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!by) return;
      this.at = Math.min(this.history.length, Math.max(0, this.at + by));
      line.value = this.history[this.at] ?? "";
      event.preventDefault();
    });
  }

  hello({ prompt, viewer, isRecord }) {
    this.viewer = viewer;
    const mode = {
      "read-only": "You are a user who may read: GET, TTL, SCAN, INFO and the like. AUTH makes you another. page-prompt all lets you do what any client may.",
      all: "You may do what any client may.",
      no: "The configuration has no prompt (page-prompt no).",
    };
    const may = prompt !== "no" && !isRecord;
    element("prompt-mode").textContent = isRecord ? "A record takes no commands." : mode[prompt] ?? "";
    for (const control of element("prompt-form").elements) control.disabled = !may;
  }

  async send(line) {
    if (!line.trim()) return;
    this.history.push(line);
    this.at = this.history.length;
    const way = element("prompt-way");
    const answer = await fetch(`/prompt?viewer=${this.viewer}`, { method: "POST", body: line }).catch(() => null);
    if (!answer?.ok) {
      way.replaceChildren(make("p", {}, answer ? await answer.text() : "The server does not answer."));
      return;
    }
    this.show(await answer.json());
  }

  show(told) {
    const steps = [
      step("What came", `${told.sent.length / 2} bytes in one read.`, bytesOf(told.sent)),
      step("How it was taken apart", told.words.length
        ? `${told.words.length} word${told.words.length === 1 ? "" : "s"}, as spans over those bytes: ${told.words.map((word) => JSON.stringify(word)).join(", ")}.`
        : "No request.", null, "src/wire/request.rs: decode"),
    ];
    if (told.command) steps.push(step("Which command", `${told.command.replace("|", " ").toUpperCase()}, found by its name in the table of commands.`, null, "src/engine/run/table.rs: find"));
    if (told.place) steps.push(step("Which entry", entryText(told), chainOf(told.place), "src/store/table/mod.rs: find"));
    steps.push(step("What was written", told.reply.length ? `${told.reply.length / 2} bytes, at the end of the turn.` : "Nothing yet: the command waits.",
      bytesOf(told.reply), "src/reactor/phases.rs: flush_one"));
    const nodes = [make("p", {}, make("code", {}, `> ${told.line}`)), make("pre", { class: "bytes" }, shown(told.reply)),
      make("ol", { class: "way-steps" }, ...steps)];
    const place = make("div", {});
    nodes.push(place);
    element("prompt-way").replaceChildren(...nodes);
    if (told.turn) place.replaceChildren(...openTurn(told.turn[0], (client) => this.turns.onFollow?.(client)));
  }
}

function step(title, text, picture, where) {
  const item = make("li", {}, make("b", {}, `${title}. `), text, " ");
  if (where) item.append(way(where));
  if (picture) item.append(make("br"), picture);
  return item;
}

function entryText({ key, place }) {
  const found = place.at
    ? `it is in bucket ${place.at[0] + 1} of the chain, slot ${place.at[1]}: ${place.kind}, ${place.bytes} bytes`
    : "no slot holds it";
  return `${JSON.stringify(key)} has the hash ${place.hash}; its low bits lead to bucket ${place.bucket}, its top byte is the tag ${place.tag}; ${found}.`;
}

/** The buckets of a chain: slots in use, and the one that was found. */
function chainOf(place) {
  const buckets = place.chain.map(([used], link) => {
    const slots = Array.from({ length: link === 0 ? 8 : 4 }, (_, slot) => {
      const isHere = place.at && place.at[0] === link && place.at[1] === slot;
      return make("b", { class: isHere ? "here" : slot < used ? "used" : "" });
    });
    return make("span", { class: "chain" }, ...slots);
  });
  const tagged = place.chain.reduce((sum, [, tagged]) => sum + tagged, 0);
  return make("span", { role: "img", "aria-label": `A chain of ${place.chain.length} buckets` }, ...buckets, `${tagged} with this tag`);
}

function unhex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Bytes of the protocol with their parts marked. */
export function bytesOf(hex) {
  const all = unhex(hex);
  const out = make("span", { class: "bytes" });
  const text = (from, to) => [...all.slice(from, to)].map((byte) =>
    byte === 13 ? "\\r" : byte === 10 ? "\\n" : byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`).join("");
  const put = (kind, from, to) => { if (to > from) out.append(make("span", { class: kind }, text(from, to))); };
  let at = 0;
  while (at < all.length && at < 2000) {
    let end = at;
    while (end < all.length && all[end] !== 13) end += 1;
    put("mark", at, at + 1);
    put("length", at + 1, end);
    put("end", end, Math.min(end + 2, all.length));
    const isBulk = all[at] === 36 || all[at] === 61;
    const length = isBulk ? Number(String.fromCharCode(...all.slice(at + 1, end))) : -1;
    at = end + 2;
    if (length >= 0) {
      put("content", at, Math.min(at + length, all.length));
      put("end", at + length, Math.min(at + length + 2, all.length));
      at += length + 2;
    }
  }
  if (at < all.length) out.append(` and ${all.length - at} more`);
  return out;
}

/** A reply as redis-cli shows it. */
export function shown(hex) {
  const all = unhex(hex);
  const decoder = new TextDecoder();
  let at = 0;
  const line = () => {
    let end = at;
    while (end < all.length && all[end] !== 13) end += 1;
    const text = decoder.decode(all.slice(at, end));
    at = end + 2;
    return text;
  };
  const value = (indent) => {
    if (at >= all.length) return "";
    const mark = String.fromCharCode(all[at]);
    at += 1;
    const text = line();
    if (mark === "+") return text;
    if (mark === "-") return `(error) ${text}`;
    if (mark === ":") return `(integer) ${text}`;
    if (mark === "$") {
      const length = Number(text);
      if (length < 0) return "(nil)";
      const content = decoder.decode(all.slice(at, at + length));
      at += length + 2;
      return JSON.stringify(content);
    }
    if (mark === "*" || mark === "~" || mark === ">") {
      const length = Number(text);
      if (length < 0) return "(nil)";
      if (length === 0) return "(empty array)";
      return Array.from({ length: Math.min(length, 1000) }, (_, number) =>
        `${number ? indent : ""}${number + 1}) ${value(`${indent}   `)}`).join("\n");
    }
    return text;
  };
  const parts = [];
  while (at < all.length && parts.length < 100) parts.push(value(""));
  return parts.join("\n");
}
