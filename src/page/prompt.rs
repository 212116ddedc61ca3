//! The prompt: a line typed at the page becomes a request of a client, and its way through the server is told.
//!
//! ```text
//!  browser  --POST /prompt?viewer=K-->  page  ==pair of sockets==  server      turn 1: the line is sent
//!                                                                              turn 2: it comes, runs, is answered
//!           <--what came, where, what was written--                            turn 3: the answer comes back
//! ```
//!
//! Everybody who watches has a connection of its own for this, with a database, a transaction and a user of its own,
//! which ends with the watching. The server sees a client as any other: nothing here goes round the loop, so what is
//! told of that turn is what happens to any client's.
//!
//! Invariant: one line at a time is under way for each who watches; of a reply, so much is kept and the rest counted.

use std::collections::BTreeMap;

use crate::base::output::Output;
use crate::base::rng::Rng;
use crate::base::text::split_args;
use crate::reactor::{ConnId, Io};

use super::facts::{Host, Pair, Way};
use super::frames;
use super::http::Status;
use super::json::{self, Json, quote};
use super::turns::Turns;

#[derive(Default)]
pub(super) struct Prompts {
    /// By our end of the connection.
    all: BTreeMap<ConnId, Prompt>,
}

struct Prompt {
    /// Who watches, and may type.
    viewer: ConnId,
    pair: Pair,
    output: Output,
    space: Vec<u8>,
    line: Option<Line>,
    is_over: bool,
}

/// A line on its way.
struct Line {
    /// Who waits for the answer.
    caller: ConnId,
    text: String,
    words: Vec<Vec<u8>>,
    sent: Vec<u8>,
    sent_us: u64,
    reply: Vec<u8>,
    /// Bytes of the reply that were not kept.
    dropped: usize,
}

const LINE_BYTES_MAX: usize = 8 * 1024;
const REPLY_BYTES_MAX: usize = 32 * 1024;
const SPACE_BYTES: usize = 16 * 1024;

/// What would make somebody of a reader who needs no password for it.
const LEAVES_READER: [&[u8]; 3] = [b"auth", b"hello", b"reset"];

/// A command that waits longer than that is told of without its reply.
const WAIT_US: u64 = 1_000_000;

impl Prompts {
    pub(super) fn are_idle(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether a line is under way.
    pub(super) fn are_waiting(&self) -> bool {
        self.all.values().any(|prompt| prompt.line.is_some())
    }

    /// Sends a line for somebody who watches. The answer comes later.
    pub(super) fn send(
        &mut self,
        io: &mut Io,
        host: &mut dyn Host,
        (viewer, caller): (ConnId, ConnId),
        (body, is_reader): (&[u8], bool),
        now_us: u64,
    ) -> Result<(), Status> {
        if body.len() > LINE_BYTES_MAX {
            return Err(Status::TooLarge);
        }
        let words = split_args(body).filter(|words| !words.is_empty());
        let words = words.ok_or(Status::BadRequest)?;
        let name = words[0].to_ascii_lowercase();
        if is_reader && !host.needs_password() && LEAVES_READER.contains(&name.as_slice()) {
            return Err(Status::Forbidden);
        }
        let known = self.all.values().find(|prompt| prompt.viewer == viewer);
        let ours = match known {
            Some(prompt) if prompt.line.is_some() => return Err(Status::TooManyRequests),
            Some(prompt) => prompt.pair.ours,
            None => self.open(io, host, viewer).ok_or(Status::Unavailable)?,
        };
        let prompt = self.all.get_mut(&ours).ok_or(Status::Unavailable)?;
        let sent = request_of(&words);
        prompt.output.push(&sent);
        io.want_write(ours);
        prompt.line = Some(Line {
            caller,
            text: String::from_utf8_lossy(body).trim().to_owned(),
            words,
            sent,
            sent_us: now_us,
            reply: Vec::new(),
            dropped: 0,
        });
        Ok(())
    }

    fn open(&mut self, io: &mut Io, host: &mut dyn Host, viewer: ConnId) -> Option<ConnId> {
        let pair = host.open_prompt(io)?;
        let prompt = Prompt {
            viewer,
            pair,
            output: Output::new(),
            space: vec![0; SPACE_BYTES],
            line: None,
            is_over: false,
        };
        self.all.insert(pair.ours, prompt);
        Some(pair.ours)
    }

    pub(super) fn has(&self, id: ConnId) -> bool {
        !self.all.is_empty() && self.all.contains_key(&id)
    }

    pub(super) fn space(&mut self, id: ConnId) -> &mut [u8] {
        self.all
            .get_mut(&id)
            .map_or(&mut [], |prompt| &mut prompt.space)
    }

    pub(super) fn filled(&mut self, id: ConnId, count: usize) {
        let Some(prompt) = self.all.get_mut(&id) else {
            return;
        };
        // What comes while nobody has asked (a message of a channel) is not shown.
        if let Some(line) = &mut prompt.line {
            let kept = count.min(REPLY_BYTES_MAX - line.reply.len());
            line.reply.extend_from_slice(&prompt.space[..kept]);
            line.dropped += count - kept;
        }
    }

    pub(super) fn output(&mut self, id: ConnId) -> Option<&mut Output> {
        Some(&mut self.all.get_mut(&id)?.output)
    }

    /// A connection is gone: that of a prompt, or of somebody who had one.
    pub(super) fn forget(&mut self, io: &mut Io, id: ConnId) {
        if let Some(prompt) = self.all.get_mut(&id) {
            prompt.is_over = true;
        }
        for prompt in self.all.values().filter(|prompt| prompt.viewer == id) {
            io.close(prompt.pair.ours);
        }
    }

    /// The answers that are there: who waits for each, and its text.
    pub(super) fn answers(
        &mut self,
        host: &mut dyn Host,
        turns: &Turns,
        now_us: u64,
    ) -> Vec<(ConnId, String)> {
        let mut answers = Vec::new();
        for prompt in self.all.values_mut() {
            let is_ready = |line: &mut Line| {
                let is_late = now_us.saturating_sub(line.sent_us) > WAIT_US;
                is_late || prompt.is_over || line.dropped > 0 || is_whole(&line.reply)
            };
            if let Some(line) = prompt.line.take_if(|line| is_ready(line)) {
                let way = host.way(prompt.pair.theirs, &line.words);
                answers.push((line.caller, tell(&line, &way, turns, prompt.pair.client)));
            }
        }
        self.all.retain(|_, prompt| !prompt.is_over);
        answers
    }
}

fn tell(line: &Line, way: &Way, turns: &Turns, client: u64) -> String {
    let mut text = String::new();
    json::object(&mut text, |json| {
        json.text("line", &line.text);
        json.text("sent", &hexadecimal(&line.sent));
        json.array("words", &line.words, |text, word| {
            quote(text, &String::from_utf8_lossy(word));
        });
        if let Some(command) = way.command {
            json.text("command", command);
        }
        if let Some((key, place)) = &way.place {
            json.text("key", &String::from_utf8_lossy(key));
            json.object("place", |json: &mut Json<'_>| {
                frames::show_place(json, place)
            });
        }
        json.text("reply", &hexadecimal(&line.reply));
        json.field("dropped", line.dropped);
        json.field("client", client);
        if let Some(turn) = turns.last_of(client) {
            json.array("turn", [turn], frames::show_turn);
        }
    });
    text
}

/// The words as clients send them.
fn request_of(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(b"0123456789abcdef"[usize::from(half)]);
    let pairs = bytes
        .iter()
        .map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    pairs.flatten().collect()
}

/// Whether the bytes are one or more whole replies.
fn is_whole(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut open = 0_u64;
    while open > 0 || !rest.is_empty() {
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            return false;
        };
        let (line, behind) = (&rest[..end], &rest[end + 1..]);
        rest = behind;
        let number = || -> i64 {
            let digits = line.get(1..).unwrap_or_default().trim_ascii();
            std::str::from_utf8(digits)
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(0)
        };
        open = open.saturating_sub(1);
        match line.first() {
            Some(b'$' | b'=' | b'!') if number() >= 0 => {
                let Some(behind) = rest.get(number() as usize + 2..) else {
                    return false;
                };
                rest = behind;
            }
            Some(b'*' | b'~' | b'>') => open = open.saturating_add(number().max(0) as u64),
            Some(b'%') => open = open.saturating_add(number().max(0) as u64 * 2),
            Some(b'|') => open = open.saturating_add(number().max(0) as u64 * 2 + 1),
            _ => {}
        }
    }
    !bytes.is_empty()
}

/// A name for somebody who watches that others cannot guess.
pub(super) fn nonce() -> String {
    format!("{:016x}", Rng::from_system().next_u64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_whole_when_all_of_it_is_there() {
        let replies: [&[u8]; 7] = [
            b"+OK\r\n",
            b"$3\r\na\r\n\r\n",
            b"$-1\r\n",
            b"*2\r\n:1\r\n*1\r\n$0\r\n\r\n",
            b"%1\r\n+a\r\n_\r\n",
            b"*0\r\n",
            b"|1\r\n+a\r\n+b\r\n:3\r\n",
        ];
        for reply in replies {
            assert!(is_whole(reply), "{}", String::from_utf8_lossy(reply));
            for short in 0..reply.len() {
                assert!(
                    !is_whole(&reply[..short]),
                    "{} to {short}",
                    String::from_utf8_lossy(reply)
                );
            }
        }
        assert!(is_whole(b"+OK\r\n+OK\r\n") && !is_whole(b"+OK\r\n+O"));
        assert!(!is_whole(b"$9223372036854775807\r\n") && !is_whole(b"*9223372036854775807\r\n"));
    }

    #[test]
    fn words_become_a_request() {
        assert_eq!(
            request_of(&[b"GET".to_vec(), b"a\r\n".to_vec()]),
            b"*2\r\n$3\r\nGET\r\n$3\r\na\r\n\r\n"
        );
        assert_eq!(hexadecimal(b"\x00\xffA"), "00ff41");
    }
}
