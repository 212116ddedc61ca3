//! What a replica says to its primary before the stream begins.
//!
//! ```text
//! PING                                      +PONG, or an error that only asks for a password
//! AUTH [user] password                      if there is one
//! REPLCONF listening-port 6380              an older primary may not know these
//! REPLCONF ip-address 10.0.0.2              if one was configured
//! REPLCONF capa eof capa psync2 capa rdb12  which of its ways we know; the last is a word of ours
//! PSYNC id offset                           +CONTINUE [id] | +FULLRESYNC id offset | error
//! ```
//!
//! The words between PING and PSYNC go together; their answers come in order. Lines in, bytes and a verdict out: the
//! owner has the connection and the clock. Empty lines only say that the primary is alive.

use std::collections::VecDeque;

/// What we have to say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Terms {
    pub(crate) user: Vec<u8>,
    pub(crate) password: Vec<u8>,
    pub(crate) port: u16,
    pub(crate) ip: Vec<u8>,
    /// The stream that we could go on with, and the byte we want, counted from one.
    pub(crate) request: Option<(String, u64)>,
    /// We are handing over to this server.
    pub(crate) is_failover: bool,
    /// The data set may come by a connection of its own, in Redis's way.
    pub(crate) offers_channel: bool,
    /// The same in Valkey's way.
    pub(crate) offers_pair: bool,
}

/// How a data set comes by a connection of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Redis's way: the second connection names the first as its primary calls it.
    Named(String),
    /// Valkey's way: the first one names the second.
    Pair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Ping,
    Auth,
    Port,
    Ip,
    Capabilities,
    Channel,
    Psync,
    /// SYNC on a second connection.
    Sync,
}

#[derive(Debug)]
pub(crate) struct Handshake {
    terms: Terms,
    /// What was said and not answered.
    said: VecDeque<Word>,
    /// On the second connection.
    channel: Option<Manner>,
}

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// More answers are to come.
    Wait,
    /// Say this.
    Say(Vec<u8>),
    /// The data set comes, of this history at this offset.
    Full {
        id: String,
        offset: u64,
    },
    /// The data set comes from a primary that knows no histories: it was asked for with SYNC.
    FullWithSync(Vec<u8>),
    /// The data set comes by a second connection.
    Channel(Manner),
    /// It comes on this second connection, which is called so, and the stream on the first one when it is asked for.
    Apart {
        id: String,
        offset: u64,
        number: String,
    },
    /// The stream goes on, perhaps under another id.
    Continue {
        id: Option<String>,
    },
    /// The primary cannot now; it may later.
    Later(String),
    Failed(String),
}

impl Handshake {
    /// Begins; the bytes are to be sent.
    pub(crate) fn begin(terms: Terms) -> (Self, Vec<u8>) {
        let said = VecDeque::from([Word::Ping]);
        let handshake = Self {
            terms,
            said,
            channel: None,
        };
        (handshake, command(&[b"PING"]))
    }

    /// Begins on a second connection, for the data set of the first.
    pub(crate) fn begin_channel(terms: Terms, manner: Manner) -> (Self, Vec<u8>) {
        let mut said = VecDeque::new();
        let mut bytes = Vec::new();
        if let Some(auth) = auth(&terms) {
            said.push_back(Word::Auth);
            bytes.extend(auth);
        }
        said.push_back(Word::Channel);
        let port = terms.port.to_string();
        let mut words: Vec<&[u8]> = vec![b"REPLCONF", b"capa", b"eof"];
        words.extend([b"rdb-only".as_slice(), b"1", b"rdb-channel", b"1"]);
        if let Manner::Named(main) = &manner {
            words.extend([b"main-ch-client-id", main.as_bytes()]);
        }
        words.extend([b"listening-port", port.as_bytes()]);
        bytes.extend(command(&words));
        let terms = Terms {
            request: None,
            is_failover: false,
            offers_channel: false,
            offers_pair: false,
            ..terms
        };
        let handshake = Self {
            terms,
            said,
            channel: Some(manner),
        };
        (handshake, bytes)
    }

    /// Takes notice of an answer, without its line end.
    pub(crate) fn answer(&mut self, line: &[u8]) -> Verdict {
        if line.is_empty() {
            return Verdict::Wait;
        }
        let text = String::from_utf8_lossy(line).into_owned();
        let is_error = line.starts_with(b"-");
        match self.said.pop_front() {
            Some(Word::Ping) => self.pinged(&text),
            Some(Word::Auth) if is_error => {
                Verdict::Failed(format!("Unable to AUTH to MASTER: {text}"))
            }
            Some(Word::Channel) if is_error => {
                Verdict::Failed(format!("Master refuses an RDB channel: {text}"))
            }
            Some(word @ (Word::Port | Word::Ip | Word::Capabilities)) if is_error => {
                let what = match word {
                    Word::Port => "REPLCONF listening-port",
                    Word::Ip => "REPLCONF ip-address",
                    _ => "REPLCONF capa",
                };
                log::info!("(Non critical) Master does not understand {what}: {text}");
                self.ask()
            }
            Some(Word::Psync) => self.answered(&text),
            Some(Word::Sync) => begun_apart(&text),
            Some(_) => self.ask(),
            None => Verdict::Failed(format!("Unexpected reply from MASTER: {text}")),
        }
    }

    fn pinged(&mut self, text: &str) -> Verdict {
        let asks_for_password = ["-NOAUTH", "-NOPERM", "-ERR operation not permitted"];
        let is_known = text.starts_with('+')
            || asks_for_password
                .iter()
                .any(|known| text.starts_with(known));
        if !is_known {
            return Verdict::Failed(format!("Error reply to PING from master: '{text}'"));
        }
        log::info!("Master replied to PING, replication can continue...");
        let Terms {
            port,
            ip,
            offers_channel,
            offers_pair,
            ..
        } = &self.terms;
        let mut bytes = Vec::new();
        if let Some(auth) = auth(&self.terms) {
            self.said.push_back(Word::Auth);
            bytes.extend(auth);
        }
        let mut say = |word, words: &[&[u8]]| {
            self.said.push_back(word);
            bytes.extend(command(words));
        };
        say(
            Word::Port,
            &[b"REPLCONF", b"listening-port", port.to_string().as_bytes()],
        );
        if !ip.is_empty() {
            say(Word::Ip, &[b"REPLCONF", b"ip-address", ip]);
        }
        let mut words: Vec<&[u8]> = vec![b"REPLCONF"];
        for word in [b"eof".as_slice(), b"psync2", b"rdb12"] {
            words.extend([b"capa", word]);
        }
        if *offers_channel {
            words.extend([b"capa".as_slice(), b"rdb-channel-repl"]);
        }
        if *offers_pair {
            words.extend([b"capa".as_slice(), b"dual-channel"]);
        }
        say(Word::Capabilities, &words);
        Verdict::Say(bytes)
    }

    /// When all is answered, PSYNC.
    fn ask(&mut self) -> Verdict {
        if !self.said.is_empty() {
            return Verdict::Wait;
        }
        if self.channel == Some(Manner::Pair) {
            self.said.push_back(Word::Sync);
            return Verdict::Say(command(&[b"SYNC"]));
        }
        let is_channel = self.channel.is_some();
        self.said.push_back(Word::Psync);
        let (id, offset) = if let Some((id, offset)) = &self.terms.request {
            log::info!("Trying a partial resynchronization (request {id}:{offset}).");
            (id.clone(), offset.to_string())
        } else {
            if !is_channel {
                log::info!("Partial resynchronization not possible (no cached master)");
            }
            ("?".to_owned(), "-1".to_owned())
        };
        let mut words: Vec<&[u8]> = vec![b"PSYNC", id.as_bytes(), offset.as_bytes()];
        if self.terms.is_failover {
            words.push(b"FAILOVER");
        }
        Verdict::Say(command(&words))
    }

    fn answered(&mut self, text: &str) -> Verdict {
        if let Some(rest) = text.strip_prefix("+FULLRESYNC") {
            let mut words = rest.split_ascii_whitespace();
            let id = words.next().filter(|id| is_id(id));
            let offset = words.next().and_then(|offset| offset.parse().ok());
            let (Some(id), Some(offset)) = (id, offset) else {
                return Verdict::Failed("Master replied with wrong +FULLRESYNC syntax.".into());
            };
            if self.channel.is_some() {
                log::info!("Starting to receive RDB and replication stream in parallel.");
            } else {
                log::info!("Full resync from master: {id}:{offset}");
            }
            return Verdict::Full {
                id: id.to_owned(),
                offset,
            };
        }
        if let Some(number) = text.strip_prefix("+RDBCHANNELSYNC")
            && self.terms.offers_channel
        {
            let number = number.trim();
            if number.is_empty() || !number.bytes().all(|digit| digit.is_ascii_digit()) {
                return Verdict::Failed("Master replied with wrong +RDBCHANNELSYNC syntax.".into());
            }
            return Verdict::Channel(Manner::Named(number.to_owned()));
        }
        if text == "+DUALCHANNELSYNC" && self.terms.offers_pair {
            return Verdict::Channel(Manner::Pair);
        }
        if let Some(rest) = text.strip_prefix("+CONTINUE") {
            if self.terms.request.is_none() {
                return Verdict::Failed(
                    "Master goes on with a stream that was not asked for.".into(),
                );
            }
            let id = rest.split_ascii_whitespace().next().filter(|id| is_id(id));
            return Verdict::Continue {
                id: id.map(str::to_owned),
            };
        }
        if ["-NOMASTERLINK", "-LOADING"]
            .iter()
            .any(|known| text.starts_with(known))
        {
            let sentence =
                format!("Master is currently unable to PSYNC but should be in the future: {text}");
            return Verdict::Later(sentence);
        }
        if self.channel.is_some() {
            return Verdict::Failed(format!("Master refuses an RDB channel: {text}"));
        }
        if self.terms.is_failover {
            return Verdict::Failed(format!("Unexpected reply to PSYNC FAILOVER: {text}"));
        }
        if text.starts_with("-ERR") {
            log::info!("Master does not support PSYNC or is in error state (reply: {text})");
        } else {
            log::warn!("Unexpected reply to PSYNC from master: {text}");
        }
        log::info!("Retrying with SYNC...");
        Verdict::FullWithSync(command(&[b"SYNC"]))
    }
}

/// The answer to SYNC on a second connection: of which instant of which history the data set is.
fn begun_apart(text: &str) -> Verdict {
    let Some(rest) = text.strip_prefix("$ENDOFF:") else {
        return Verdict::Failed(format!("Master refuses an RDB channel: {text}"));
    };
    let words: Vec<_> = rest.split_ascii_whitespace().collect();
    if let [offset, id, _, number] = words[..]
        && let Ok(offset) = offset.parse()
        && is_id(id)
    {
        log::info!("Starting to receive RDB and replication stream in parallel.");
        return Verdict::Apart {
            id: id.to_owned(),
            offset,
            number: number.to_owned(),
        };
    }
    Verdict::Failed("Master replied with wrong $ENDOFF syntax.".into())
}

/// The password, if there is one.
fn auth(terms: &Terms) -> Option<Vec<u8>> {
    let Terms { user, password, .. } = terms;
    if password.is_empty() {
        return None;
    }
    Some(if user.is_empty() {
        command(&[b"AUTH", password])
    } else {
        command(&[b"AUTH", user, password])
    })
}

fn is_id(text: &str) -> bool {
    text.len() == 40
}

/// A command as clients send it.
pub(crate) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789012345678901234567890123456789";

    fn said(verdict: &Verdict) -> String {
        let Verdict::Say(bytes) = verdict else {
            panic!("{verdict:?}");
        };
        let words = bytes.split(|byte| *byte == b'\n');
        let words = words.filter(|word| !word.starts_with(b"$") && !word.starts_with(b"*"));
        let text: Vec<String> = words
            .map(|word| String::from_utf8_lossy(word).trim().to_owned())
            .collect();
        text.join(" ").trim().to_owned()
    }

    /// To the point where PSYNC has been said.
    fn until_psync(terms: Terms) -> Handshake {
        let (mut handshake, first) = Handshake::begin(terms);
        assert_eq!(first, b"*1\r\n$4\r\nPING\r\n");
        handshake.answer(b"+PONG");
        while handshake.said != [Word::Psync] {
            handshake.answer(b"+OK");
        }
        handshake
    }

    #[test]
    fn everything_is_said_in_order() {
        let terms = Terms {
            user: b"ann".to_vec(),
            password: b"secret".to_vec(),
            port: 7001,
            ip: b"10.0.0.2".to_vec(),
            request: Some((ID.to_owned(), 12)),
            is_failover: true,
            offers_channel: false,
            offers_pair: false,
        };
        let (mut handshake, _) = Handshake::begin(terms);
        assert_eq!(handshake.answer(b""), Verdict::Wait);
        assert_eq!(
            said(&handshake.answer(b"-NOAUTH Authentication required.")),
            "AUTH ann secret REPLCONF listening-port 7001 REPLCONF ip-address 10.0.0.2 REPLCONF capa eof capa psync2 \
             capa rdb12"
        );
        for answer in ["+OK", "-ERR", "+OK"] {
            assert_eq!(handshake.answer(answer.as_bytes()), Verdict::Wait);
        }
        assert_eq!(
            said(&handshake.answer(b"-ERR what")),
            format!("PSYNC {ID} 12 FAILOVER")
        );
    }

    #[test]
    fn the_answers_to_psync() {
        let ask = |request: Option<(String, u64)>, answer: &str| {
            until_psync(Terms {
                request,
                ..Terms::default()
            })
            .answer(answer.as_bytes())
        };
        let request = || Some((ID.to_owned(), 12));
        let full = Verdict::Full {
            id: ID.to_owned(),
            offset: 99,
        };
        assert_eq!(ask(None, &format!("+FULLRESYNC {ID} 99")), full);
        assert_eq!(ask(request(), "+CONTINUE"), Verdict::Continue { id: None });
        assert_eq!(
            ask(request(), &format!("+CONTINUE {ID}")),
            Verdict::Continue {
                id: Some(ID.to_owned())
            }
        );
        for wrong in [
            "+FULLRESYNC",
            "+FULLRESYNC x 1",
            &format!("+FULLRESYNC {ID} -1"),
            "+CONTINUE",
        ] {
            assert!(matches!(ask(None, wrong), Verdict::Failed(_)), "{wrong}");
        }
        assert!(matches!(ask(None, "-LOADING x"), Verdict::Later(_)));
        assert!(matches!(ask(None, "-NOMASTERLINK x"), Verdict::Later(_)));
        assert!(matches!(
            ask(None, "-ERR unknown command"),
            Verdict::FullWithSync(_)
        ));
        assert!(matches!(ask(None, "garbage"), Verdict::FullWithSync(_)));
    }

    #[test]
    fn a_data_set_on_a_second_connection() {
        let terms = Terms {
            offers_pair: true,
            ..Terms::default()
        };
        let mut main = until_psync(terms.clone());
        assert_eq!(
            main.answer(b"+DUALCHANNELSYNC"),
            Verdict::Channel(Manner::Pair)
        );
        let (mut second, bytes) = Handshake::begin_channel(terms, Manner::Pair);
        assert_eq!(
            said(&Verdict::Say(bytes)),
            "REPLCONF capa eof rdb-only 1 rdb-channel 1 listening-port 0"
        );
        assert_eq!(said(&second.answer(b"+OK")), "SYNC");
        assert_eq!(
            second.answer(format!("$ENDOFF:17 {ID} -1 6").as_bytes()),
            Verdict::Apart {
                id: ID.to_owned(),
                offset: 17,
                number: "6".to_owned()
            }
        );
        for wrong in [
            "$ENDOFF:",
            "$ENDOFF:x a b c",
            "$ENDOFF:1 2 3 4",
            "$EOF:1",
            "-ERR no",
        ] {
            assert!(matches!(begun_apart(wrong), Verdict::Failed(_)), "{wrong}");
        }
    }

    #[test]
    fn a_wrong_password_or_another_program_ends_it() {
        let terms = Terms {
            password: b"x".to_vec(),
            ..Terms::default()
        };
        let (mut handshake, _) = Handshake::begin(terms);
        assert!(said(&handshake.answer(b"+PONG")).starts_with("AUTH x "));
        assert!(matches!(
            handshake.answer(b"-WRONGPASS no"),
            Verdict::Failed(_)
        ));
        let (mut handshake, _) = Handshake::begin(Terms::default());
        assert!(matches!(
            handshake.answer(b"HTTP/1.1 400"),
            Verdict::Failed(_)
        ));
    }
}
