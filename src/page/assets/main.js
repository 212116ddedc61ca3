// The page: joins the stream of frames to the pictures, and buttons and keys to both.

import { element } from "./draw.js";
import { Lists } from "./lists.js";
import { Prompt } from "./prompt.js";
import { Rates } from "./rates.js";
import { Store } from "./store.js";
import { Stream } from "./stream.js";
import { Turns } from "./turns.js";

const stream = new Stream();
const turns = new Turns();
const rates = new Rates();
const store = new Store();
const lists = new Lists(follow);
const prompt = new Prompt(turns);
let info = new Map();
let isStill = false;

turns.onFollow = follow;

stream.on("hello", (hello) => {
  [turns, rates, store].forEach((part) => part.clear());
  prompt.hello(hello);
  element("live").hidden = !hello.isRecord;
  element("record").disabled = Boolean(hello.isRecord);
});

stream.on("frame", (frame) => {
  if (frame.info) info = new Map(frame.info.split(/\r?\n/).map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1)];
  }));
  turns.add(frame);
  document.documentElement.dataset.frames = Number(document.documentElement.dataset.frames ?? 0) + 1;
  if (isStill) return;
  rates.add(frame, info);
  store.add(frame, info);
  lists.add(frame, info);
});

stream.on("state", (state) => { element("state").textContent = isStill ? `paused (${state})` : state; });
stream.on("saved", (text) => {
  element("record").textContent = "Record 30 s";
  document.documentElement.dataset.saved = text.length;
});

function pause(still) {
  isStill = still;
  stream.isPaused = still;
  turns.pause(still);
  element("pause").setAttribute("aria-pressed", String(still));
  element("state").textContent = still ? "paused" : "live";
}

function step(by) {
  if (!isStill) pause(true);
  turns.step(by);
}

function follow(client) {
  turns.followed = client || null;
  const select = element("follow");
  select.value = client ? String(client) : "";
}

element("pause").addEventListener("click", () => pause(!isStill));
element("step").addEventListener("click", () => step(1));
element("back").addEventListener("click", () => step(-1));
element("wider").addEventListener("click", () => turns.zoom(1.5));
element("narrower").addEventListener("click", () => turns.zoom(1 / 1.5));
element("own").addEventListener("change", (event) => { turns.showsOwn = event.target.checked; });
element("follow").addEventListener("change", (event) => follow(Number(event.target.value)));
element("record").addEventListener("click", () => {
  element("record").textContent = stream.toggleRecord() ? "Save now" : "Record 30 s";
});
element("open").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file && stream.open(await file.text())) pause(false);
  event.target.value = "";
});
element("live").addEventListener("click", () => {
  pause(false);
  stream.live();
});

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.matches("input, select, textarea");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const deeds = {
    " ": () => !event.target.matches("button") && (pause(!isStill), true),
    ArrowRight: () => (step(1), true),
    ArrowLeft: () => (step(-1), true),
    "+": () => (turns.zoom(1.5), true),
    "-": () => (turns.zoom(1 / 1.5), true),
  };
  if (deeds[event.key]?.()) event.preventDefault();
});

function draw() {
  turns.draw();
  rates.draw();
  store.draw(isStill);
}

// Ten times a second is as often as there is news; a hidden page draws nothing.
setInterval(() => { if (!document.hidden) requestAnimationFrame(draw); }, 100);
stream.live();
