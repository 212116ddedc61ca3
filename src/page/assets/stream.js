// Where frames come from: the running server, or a record of it. Everybody who draws listens here.

const RECORD_MS = 30000;

export class Stream {
  constructor() {
    this.listeners = [];
    this.hello = null;
    this.source = null;
    this.record = null;
    this.replay = null;
    this.isPaused = false;
  }

  /** `kind` is `frame`, `hello` or `state`. */
  on(kind, listener) {
    this.listeners.push([kind, listener]);
  }

  tell(kind, value) {
    for (const [known, listener] of this.listeners) {
      if (known === kind) listener(value);
    }
  }

  live() {
    this.stopReplay();
    this.source?.close();
    const source = new EventSource("/events");
    this.source = source;
    source.addEventListener("open", () => this.tell("state", "live"));
    source.addEventListener("error", () => {
      const isOver = source.readyState === EventSource.CLOSED;
      this.tell("state", isOver ? "the server does not let us watch" : "the server is gone, trying again");
      // Too many watched, say; a browser gives up then, and we try again later.
      if (isOver && this.source === source) setTimeout(() => this.source === source && this.live(), 5000);
    });
    source.addEventListener("hello", (event) => {
      this.hello = JSON.parse(event.data);
      this.tell("hello", this.hello);
    });
    source.addEventListener("frame", (event) => {
      const frame = JSON.parse(event.data);
      this.keepRecord(frame);
      this.tell("frame", frame);
    });
    source.addEventListener("reply", (event) => this.tell("reply", JSON.parse(event.data)));
  }

  /** Records from now on, for thirty seconds or until told to end, and offers the file. */
  toggleRecord() {
    if (this.record) {
      this.save();
    } else {
      this.record = { pollux: 1, hello: this.hello, frames: [], began: Date.now() };
      this.tell("state", "recording");
    }
    return this.record !== null;
  }

  keepRecord(frame) {
    if (!this.record) return;
    this.record.frames.push(frame);
    const left = RECORD_MS - (Date.now() - this.record.began);
    this.tell("state", `recording, ${Math.max(0, Math.ceil(left / 1000))} s left`);
    if (left <= 0) this.save();
  }

  save() {
    const text = JSON.stringify(this.record);
    this.record = null;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = `pollux-${new Date().toISOString().slice(0, 19).replaceAll(":", "")}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    this.tell("state", "live");
    this.tell("saved", text);
  }

  /** Shows a record instead of the server. */
  open(text) {
    let record;
    try {
      record = JSON.parse(text);
    } catch {
      record = null;
    }
    if (record?.pollux !== 1 || !Array.isArray(record.frames) || record.frames.length === 0) {
      this.tell("state", "this is no record of Pollux");
      return false;
    }
    this.source?.close();
    this.source = null;
    this.stopReplay();
    this.tell("hello", { ...record.hello, isRecord: true });
    let at = 0;
    const next = () => {
      if (!this.isPaused) {
        if (at === record.frames.length) {
          this.tell("hello", { ...record.hello, isRecord: true });
          at = 0;
        }
        this.tell("state", `a record, ${at + 1} of ${record.frames.length}`);
        this.tell("frame", record.frames[at]);
        at += 1;
      }
    };
    next();
    this.replay = setInterval(next, 100);
    return true;
  }

  stopReplay() {
    clearInterval(this.replay);
    this.replay = null;
  }
}
