// Clients, the slow log, replicas, the append-only file.

import { bytes, colour, count, element, figures, make, pen, time } from "./draw.js";

export class Lists {
  constructor(follow) {
    this.follow = follow;
  }

  add(frame, info) {
    if (frame.clients) this.showClients(frame.clients);
    if (frame.slow) showSlow(frame.slow);
    if (frame.info) {
      showLog(info, frame);
      showReplicas(info);
    }
  }

  showClients(lines) {
    const clients = lines.map(fieldsOf);
    this.offer(clients);
    const names = ["Client", "Address", "State", "Name", "Age", "Idle", "Database", "In", "Out", "Memory", "Last command", "User"];
    const rows = clients.map((client) => {
      const button = make("button", { title: "Follow this client" }, client.id);
      button.addEventListener("click", () => this.follow(Number(client.id)));
      const cells = [button, client.addr, stateOf(client.flags), client.name, `${client.age} s`, `${client.idle} s`, client.db,
        bytes(Number(client.qbuf)), bytes(Number(client.obl) + Number(client.omem)), bytes(Number(client["tot-mem"])),
        client.cmd?.replace("|", " "), client.user];
      return make("tr", {}, ...cells.map((cell) => make("td", {}, cell ?? "")));
    });
    fill(element("clients-list"), names, rows);
  }

  /** Keeps the choice of whom to follow up to date. */
  offer(clients) {
    const select = element("follow");
    const known = new Set([...select.options].map((option) => option.value));
    for (const { id, addr } of clients) {
      if (!known.has(id)) select.append(make("option", { value: id }, `${id} (${addr})`));
    }
    const here = new Set(clients.map(({ id }) => id));
    for (const option of [...select.options]) {
      if (option.value && !here.has(option.value) && !option.selected) option.remove();
    }
  }
}

/** What CLIENT LIST tells by letters. */
function stateOf(flags = "") {
  const words = { b: "waits", x: "in MULTI", P: "listens", O: "monitors", S: "replica", M: "our primary", t: "caches" };
  return Object.entries(words).filter(([letter]) => flags.includes(letter)).map(([, word]) => word).join(", ");
}

/** `id=4 addr=127.0.0.1:36954 ...` */
function fieldsOf(line) {
  return Object.fromEntries(line.split(" ").map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at), pair.slice(at + 1)];
  }));
}

function fill(table, names, rows) {
  // While somebody is in the table with the keyboard, it stays as it is.
  if (table.contains(document.activeElement)) return;
  table.replaceChildren(
    make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rows));
}

function showSlow(entries) {
  const rows = entries.map((entry) => make("tr", {},
    make("td", {}, String(entry.id)),
    make("td", {}, new Date(entry.at * 1000).toLocaleTimeString()),
    make("td", { class: "number" }, time(entry.us * 1000)),
    make("td", {}, make("code", {}, entry.words.join(" "))),
    make("td", {}, entry.from)));
  fill(element("slow-list"), ["Number", "When", "Time", "Command", "Client"], rows.length
    ? rows : [make("tr", {}, make("td", { colspan: "5" }, "nothing has been slow"))]);
}

function showLog(info, frame) {
  const is = info.get("aof_enabled") === "1";
  figures(element("log-text"), is ? [
    ["length", bytes(Number(info.get("aof_current_size")))],
    ["after the last rewrite", bytes(Number(info.get("aof_base_size")))],
    ["waits to be written", bytes(Number(info.get("aof_buffer_length")))],
    ["is being synchronised", info.get("aof_pending_bio_fsync") === "1" ? "yes" : "no"],
    ["synchronised late", count(Number(info.get("aof_delayed_fsync")))],
    ["is being rewritten", info.get("aof_rewrite_in_progress") === "1" ? "yes" : "no"],
    ["last write", info.get("aof_last_write_status")],
  ] : [["switched off", "CONFIG SET appendonly yes"], ["waits at clients", bytes(frame.unsent ?? 0)]]);
}

function showReplicas(info) {
  const end = Number(info.get("master_repl_offset"));
  drawRuler(info, end);
  const pairs = [["role", info.get("role") === "master" ? "primary" : "replica"], ["stream", bytes(end)]];
  if (info.has("master_host")) {
    pairs.push(["primary", `${info.get("master_host")}:${info.get("master_port")}`]);
    pairs.push(["link", info.get("master_link_status")]);
    pairs.push(["offset", info.get("slave_repl_offset")]);
  }
  for (let number = 0; info.has(`slave${number}`); number += 1) {
    const replica = Object.fromEntries(info.get(`slave${number}`).split(",").map((pair) => pair.split("=")));
    const behind = Math.max(0, end - Number(replica.offset));
    pairs.push([`replica ${replica.ip}:${replica.port}`, `${replica.state}, offset ${replica.offset}, ${bytes(behind)} behind`]);
  }
  if (pairs.length === 2) pairs.push(["replicas", "none: REPLICAOF on another server"]);
  figures(element("replicas-text"), pairs);
}

/** The stream as a ruler: the backlog as a bar at its end, each replica as a point. */
function drawRuler(info, end) {
  const { ink, width, height } = pen(element("replicas-picture"));
  const replicas = [];
  for (let number = 0; info.has(`slave${number}`); number += 1) {
    replicas.push(Number(/offset=(\d+)/.exec(info.get(`slave${number}`))?.[1] ?? 0));
  }
  const kept = Number(info.get("repl_backlog_histlen") ?? 0);
  const from = Math.min(end - Math.max(kept, 1), ...replicas);
  const place = (offset) => 8 + (width - 16) * (offset - from) / Math.max(1, end - from);
  const line = height / 2;
  ink.fillStyle = colour("line");
  ink.fillRect(8, line - 1, width - 16, 2);
  ink.fillStyle = colour("p5");
  ink.globalAlpha = 0.4;
  ink.fillRect(place(end - kept), line - 8, place(end) - place(end - kept), 16);
  ink.globalAlpha = 1;
  for (const offset of replicas) {
    ink.beginPath();
    ink.arc(place(offset), line, 6, 0, 2 * Math.PI);
    ink.fillStyle = colour("accent");
    ink.fill();
  }
  ink.fillStyle = colour("soft");
  ink.fillText(kept ? `backlog of ${bytes(kept)}` : "no backlog yet", 8, height - 3);
  ink.textAlign = "right";
  ink.fillText(`end: ${count(end)}`, width - 8, height - 3);
  ink.textAlign = "left";
}
