// What every picture needs: a canvas of the right size, colours of the style, numbers in words.

/** Makes the canvas as fine as the screen and returns its pen and its size in CSS pixels. */
export function pen(canvas) {
  const scale = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const ink = canvas.getContext("2d");
  ink.setTransform(scale, 0, 0, scale, 0, 0);
  ink.clearRect(0, 0, width, height);
  ink.font = "12px system-ui, sans-serif";
  ink.textBaseline = "alphabetic";
  return { ink, width, height };
}

let colours = new Map();
const scheme = window.matchMedia("(prefers-color-scheme: dark)");
scheme.addEventListener("change", () => { colours = new Map(); });

/** A colour that the style sheet names. */
export function colour(name) {
  if (!colours.has(name)) {
    colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  }
  return colours.get(name);
}

export function element(id) {
  return document.getElementById(id);
}

/** A new element; children are elements or texts. Texts are never read as HTML. */
export function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") made.className = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// The way to a source: `src/reactor/mod.rs: turn` as a link to the file, scrolled to the function.
export function way(where) {
  const [file, functions] = where.split(": ");
  const link = { href: `/read/${file}#:~:text=fn%20${functions.split(",")[0]}`, target: "_blank" };
  return make("a", link, make("code", {}, where));
}

export function count(number) {
  if (number < 10000) return String(Math.round(number));
  const units = [[1e9, "G"], [1e6, "M"], [1e3, "k"]];
  const [size, unit] = units.find(([size]) => number >= size);
  return (number / size).toFixed(number / size < 100 ? 1 : 0) + unit;
}

export function bytes(number) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (number >= 1024 && at < units.length - 1) {
    number /= 1024;
    at += 1;
  }
  return `${number.toFixed(at === 0 || number >= 100 ? 0 : 1)} ${units[at]}`;
}

export function time(ns) {
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(ns < 1e5 ? 1 : 0)} µs`;
  if (ns < 1e9) return `${(ns / 1e6).toFixed(ns < 1e8 ? 1 : 0)} ms`;
  return `${(ns / 1e9).toFixed(1)} s`;
}

/** Fills a list of names and values, keeping the elements that are there. */
export function figures(list, pairs) {
  const known = list.children;
  pairs.forEach(([name, value], at) => {
    let place = known[at];
    if (!place) {
      place = make("div", {}, make("dt"), make("dd"));
      list.append(place);
    }
    if (place.firstChild.textContent !== name) place.firstChild.textContent = name;
    if (place.lastChild.textContent !== String(value)) place.lastChild.textContent = value;
  });
  while (known.length > pairs.length) known[known.length - 1].remove();
}

/** Lines over time. Each series has a colour, a name and values; `label` words the largest. */
export function lines(canvas, all, label) {
  const { ink, width, height } = pen(canvas);
  const bottom = height - 16;
  const most = Math.max(1, ...all.flatMap((series) => series.values));
  ink.strokeStyle = colour("line");
  ink.beginPath();
  ink.moveTo(0, bottom + 0.5);
  ink.lineTo(width, bottom + 0.5);
  ink.stroke();
  for (const { values, name } of all) {
    ink.strokeStyle = colour(name);
    ink.lineWidth = 2;
    ink.beginPath();
    const step = width / (KEPT - 1);
    values.forEach((value, at) => {
      const x = width - (values.length - 1 - at) * step;
      const y = bottom - (value / most) * (bottom - 18);
      if (at === 0) ink.moveTo(x, y);
      else ink.lineTo(x, y);
    });
    ink.stroke();
  }
  ink.fillStyle = colour("soft");
  ink.fillText(label(most), 2, 12);
  ink.fillText("a minute ago", 2, height - 3);
  ink.textAlign = "right";
  ink.fillText("now", width - 2, height - 3);
  ink.textAlign = "left";
}

/** Values of the last minute, ten a second. */
export const KEPT = 600;

/** A list that forgets its oldest. */
export function keep(list, value, most = KEPT) {
  list.push(value);
  if (list.length > most) list.splice(0, list.length - most);
}
