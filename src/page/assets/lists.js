// Clients, the slow log, replicas, the append-only file.

import { bytes, count, element, figures, make, time } from "./draw.js";

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
    const names = ["Client", "Address", "Name", "Age", "Idle", "Database", "In", "Out", "Memory", "Last command", "User"];
    const rows = clients.map((client) => {
      const button = make("button", { title: "Follow this client" }, client.id);
      button.addEventListener("click", () => this.follow(Number(client.id)));
      const cells = [button, client.addr, client.name, `${client.age} s`, `${client.idle} s`, client.db,
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
