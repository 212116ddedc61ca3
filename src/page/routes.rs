//! Requests and their replies.

use crate::reactor::{ConnId, Io};

use super::Page;
use super::assets;
use super::callers::{LAST, VIEWERS_MAX};
use super::facts::{Health, Host};
use super::guard::{COOKIE, Guard};
use super::http::{self, Method, Request, Status};
use super::{frames, json};
use super::{metrics, prompt};

/// What a request is answered with.
pub(super) struct Answer {
    status: Status,
    kind: &'static str,
    body: Vec<u8>,
    further: String,
    then: Then,
}

/// How it goes on.
enum Then {
    /// This is all.
    Nothing,
    /// With frames, after this greeting, for somebody of this name.
    Frames { greeting: String, name: String },
    /// The answer comes in a later turn.
    Later,
    /// The request is looked at again in a later turn.
    NotYet,
}

impl Answer {
    fn new(status: Status, kind: &'static str, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            kind,
            body: body.into(),
            further: String::new(),
            then: Then::Nothing,
        }
    }

    fn refusal(status: Status) -> Answer {
        let (text, further) = match status {
            Status::Unauthorized => (
                "A token or a user is needed: see page-token.\n",
                "WWW-Authenticate: Basic realm=\"pollux\", charset=\"UTF-8\"\r\n",
            ),
            Status::Forbidden => (
                "Not under this name, not for pages of other sites, and not for who may only read.\n",
                "",
            ),
            Status::NotFound => ("There is no such page.\n", ""),
            Status::MethodNotAllowed => ("Only reading.\n", "Allow: GET, HEAD\r\n"),
            Status::TooManyRequests => ("Too many watch already.\n", "Retry-After: 10\r\n"),
            _ => ("Not understood.\n", ""),
        };
        let answer = Answer::new(status, TEXT, text);
        Answer {
            further: further.to_owned(),
            ..answer
        }
    }
}

/// So many requests are looked at in a turn.
const ANSWERS_MAX: usize = 4;

/// Metrics take half a millisecond, in which nobody else is served: once in so long that is one in a hundred, which no
/// percentile of the clients shows.
const COSTLY_EVERY_US: u64 = 50_000;

const TEXT: &str = "text/plain; charset=utf-8";

impl Page {
    /// Answers what has come, a few requests a turn, for clients of the data wait meanwhile.
    pub(super) fn answer_some(&mut self, io: &mut Io, host: &mut dyn Host) {
        if self.now_us >= self.next_costly_us
            && let Some(id) = self.callers.put_off.pop_front()
        {
            self.callers.heard.push_front(id);
        }
        for _ in 0..ANSWERS_MAX {
            let Some(id) = self.callers.heard.pop_front() else {
                return;
            };
            self.answer_one(io, host, id);
        }
    }

    fn answer_one(&mut self, io: &mut Io, host: &mut dyn Host, id: ConnId) {
        let Some(caller) = self.callers.get_mut(id).filter(|caller| caller.may_ask()) else {
            return;
        };
        // Taken out, so that the request may be held while its answer is made.
        let input = caller.take_input();
        let (answer, method, is_last, taken) = match http::parse(input.bytes()) {
            Ok(None) => {
                caller.give_input_back(input, 0);
                return;
            }
            Ok(Some((request, length))) => {
                let answer = self.answer(io, host, id, &request);
                (answer, request.method, request.is_last, length)
            }
            Err(status) => (Answer::refusal(status), Method::Other, true, 0),
        };
        let Some(caller) = self.callers.get_mut(id) else {
            return;
        };
        if matches!(answer.then, Then::NotYet) {
            caller.give_input_back(input, 0);
            return self.callers.put_off(id);
        }
        caller.give_input_back(input, taken);
        caller.since_us = self.now_us;
        caller.is_done = is_last;
        match answer.then {
            Then::Nothing | Then::NotYet => {}
            Then::Frames { greeting, name } => {
                caller.output.push(http::stream_head().as_bytes());
                caller.output.push(greeting.as_bytes());
                self.callers.begin_to_watch(id, name);
                return io.want_write(id);
            }
            Then::Later => {
                caller.waits = true;
                return;
            }
        }
        let further = answer.further + if is_last { LAST } else { "" };
        if method == Method::Head {
            caller.reply_head(answer.status, answer.kind, answer.body.len(), &further);
        } else {
            caller.reply(answer.status, answer.kind, &answer.body, &further);
        }
        if is_last {
            io.close_after_flush(id);
        } else {
            io.want_write(id);
        }
    }

    /// Gives those who wait what has come for them.
    pub(super) fn answer_prompts(&mut self, io: &mut Io, host: &mut dyn Host) {
        for (id, text) in self.prompts.answers(host, &self.turns, self.now_us) {
            let Some(caller) = self.callers.get_mut(id) else {
                continue;
            };
            caller.waits = false;
            caller.since_us = self.now_us;
            let further = if caller.is_done { LAST } else { "" };
            caller.reply(Status::Fine, JSON, text.as_bytes(), further);
            if caller.is_done {
                io.close_after_flush(id);
            } else {
                io.want_write(id);
            }
        }
    }

    fn answer(
        &mut self,
        io: &mut Io,
        host: &mut dyn Host,
        id: ConnId,
        request: &Request<'_>,
    ) -> Answer {
        if request.path == "/healthz" {
            return health(host.health());
        }
        let guard = Guard {
            token: &self.settings.token,
            needs_secret: !self.settings.is_local || host.needs_password(),
        };
        // A browser gets the token by a link, once, and keeps it as a cookie.
        if let Some(token) = request.word("token")
            && request.path == "/"
            && guard.is_token(token.as_bytes())
        {
            let cookie = format!(
                "Location: /\r\nSet-Cookie: {COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict\r\n"
            );
            let answer = Answer::new(Status::SeeOther, TEXT, "");
            return Answer {
                further: cookie,
                ..answer
            };
        }
        let admitted = guard.admit(request, &mut |name, password| host.admits(name, password));
        if let Err(status) = admitted {
            return Answer::refusal(status);
        }
        match (request.method, request.path) {
            (Method::Get | Method::Head, "/metrics") => self.metrics(host),
            (Method::Get, "/events") => self.events(),
            (Method::Get | Method::Head, "/place") => place(host, request),
            (Method::Post, "/prompt") => self.prompt(io, host, id, request),
            (Method::Get | Method::Head, path) => match assets::find(path) {
                Some(asset) => Answer::new(Status::Fine, asset.kind, asset.bytes),
                None => Answer::refusal(Status::NotFound),
            },
            _ => Answer::refusal(Status::MethodNotAllowed),
        }
    }

    fn events(&mut self) -> Answer {
        if self.callers.viewer_count() >= VIEWERS_MAX {
            return Answer::refusal(Status::TooManyRequests);
        }
        if self.callers.viewer_count() == 0 {
            self.turns.forget();
        }
        let name = prompt::nonce();
        let greeting = self.frames.hello(self.settings.prompt, &name);
        let answer = Answer::new(Status::Fine, TEXT, "");
        Answer {
            then: Then::Frames { greeting, name },
            ..answer
        }
    }

    fn prompt(
        &mut self,
        io: &mut Io,
        host: &mut dyn Host,
        id: ConnId,
        request: &Request<'_>,
    ) -> Answer {
        let viewer = request
            .word("viewer")
            .and_then(|name| self.callers.named(name));
        let Some(viewer) = viewer.filter(|_| self.settings.prompt != "no") else {
            return Answer::refusal(Status::NotFound);
        };
        let parties = (viewer, id);
        let told = (request.body, self.settings.prompt == "read-only");
        let sent = self.prompts.send(io, host, parties, told, self.now_us);
        match sent {
            Ok(()) => {
                let answer = Answer::new(Status::Fine, JSON, "");
                Answer {
                    then: Then::Later,
                    ..answer
                }
            }
            Err(status) => Answer::refusal(status),
        }
    }

    /// One collector is never kept waiting; a crowd of them gets so many a second.
    fn metrics(&mut self, host: &mut dyn Host) -> Answer {
        if self.now_us < self.next_costly_us {
            let answer = Answer::new(Status::Fine, TEXT, "");
            return Answer {
                then: Then::NotYet,
                ..answer
            };
        }
        self.next_costly_us = self.now_us + COSTLY_EVERY_US;
        let info = host.info();
        let figures = host.figures();
        let figures = figures.as_ref().zip(host.waiting());
        let mut text = metrics::of_server(info.as_deref(), figures, host.health());
        let (count, viewers) = (self.callers.count(), self.callers.viewer_count());
        let refused = self.callers.refused;
        metrics::of_loop(&mut text, &self.turns.sums, (count, viewers, refused));
        Answer::new(Status::Fine, metrics::KIND, text.into_bytes())
    }
}

/// Where a key is: `/place?db=0&key=...`, the key with `%` before what cannot stand in a query.
fn place(host: &mut dyn Host, request: &Request<'_>) -> Answer {
    let db = request.word("db").unwrap_or("0").parse::<usize>();
    let (Ok(db), Some(key)) = (db, request.word("key")) else {
        return Answer::refusal(Status::BadRequest);
    };
    let Some(place) = host.place(db, &unescaped(key)) else {
        return Answer::refusal(Status::Unavailable);
    };
    let mut text = String::new();
    json::object(&mut text, |json| frames::show_place(json, &place));
    Answer::new(Status::Fine, JSON, text)
}

/// The bytes that a word of a query stands for.
fn unescaped(word: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let mut digit = || ahead.next().and_then(|digit| (digit as char).to_digit(16));
        match (byte, digit(), digit()) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = ahead;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    bytes
}

const JSON: &str = "application/json";

fn health(health: Health) -> Answer {
    match health {
        Health::Fine => Answer::new(Status::Fine, TEXT, "ok\n"),
        Health::Loading => Answer::new(Status::Unavailable, TEXT, "loading\n"),
        Health::Busy => Answer::new(Status::Unavailable, TEXT, "busy with a script\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_query_stand_for_bytes() {
        assert_eq!(unescaped("a%00%ffb+c%2"), b"a\0\xffb c%2");
        assert_eq!(unescaped("%zz%"), b"%zz%");
    }
}
