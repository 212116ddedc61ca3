//! Two sides of a connection that agree or do not, over a pipe that takes and gives as little as it likes.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::path::PathBuf;
use std::rc::Rc;

use super::*;
use crate::base::rng::Rng;

/// One direction. It holds so many bytes, and takes at most so many at once.
#[derive(Debug, Default)]
struct Pipe {
    bytes: VecDeque<u8>,
    room: usize,
    most: usize,
    is_closed: bool,
}

/// One end of two pipes, a socket to whoever reads and writes.
#[derive(Clone, Debug)]
struct End {
    incoming: Rc<RefCell<Pipe>>,
    outgoing: Rc<RefCell<Pipe>>,
}

fn ends(room: usize, most: usize) -> (End, End) {
    let pipe = || {
        Rc::new(RefCell::new(Pipe {
            room,
            most,
            ..Pipe::default()
        }))
    };
    let (one, other) = (pipe(), pipe());
    let here = End {
        incoming: one.clone(),
        outgoing: other.clone(),
    };
    let there = End {
        incoming: other,
        outgoing: one,
    };
    (here, there)
}

impl Read for End {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut pipe = self.incoming.borrow_mut();
        let count = pipe.bytes.len().min(space.len());
        if count == 0 && !pipe.is_closed {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        for (to, from) in space.iter_mut().zip(pipe.bytes.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

impl Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut pipe = self.outgoing.borrow_mut();
        let count = bytes.len().min(pipe.room - pipe.bytes.len()).min(pipe.most);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        pipe.bytes.extend(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn file(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/certificates", name]
        .iter()
        .collect()
}

fn identity(name: &str) -> Option<IdentityFiles> {
    Some(IdentityFiles {
        certificate: file(&format!("{name}.crt")),
        key: file(&format!("{name}.key")),
        passphrase: Vec::new(),
    })
}

/// A server or a client that is `name` and trusts our authority.
fn terms(name: &str) -> Terms {
    Terms {
        identity: identity(name),
        authorities: Authorities {
            file: Some(file("authority.crt")),
            dir: None,
        },
        memory: Some(Memory {
            sessions: 10,
            seconds: 100,
        }),
        ..Terms::default()
    }
}

struct Both {
    server: Secured<End>,
    client: Secured<End>,
    scratch: Vec<u8>,
}

fn connect(
    server: &ListenSecurity,
    client: &DialSecurity,
    room: usize,
    most: usize,
) -> (Both, End, End) {
    let (here, there) = ends(room, most);
    let both = Both {
        server: Secured::accept(here.clone(), server).expect("a good configuration"),
        client: Secured::dial(there.clone(), client.to("localhost")).expect("the same"),
        scratch: Vec::new(),
    };
    (both, here, there)
}

/// Lets the two agree. The client has said a word by then, so that it has heard whether it is welcome.
fn agree(server: &Terms, client: &Terms) -> Result<(), String> {
    let server = listen_security(server)?;
    let client = dial_security(client)?;
    agree_with(&server, &client)
}

fn agree_with(server: &ListenSecurity, client: &DialSecurity) -> Result<(), String> {
    let (mut both, ..) = connect(server, client, 1 << 20, 1 << 20);
    let mut space = [0; 10];
    let text = |error: io::Error| error.to_string();
    let mut has_written = false;
    for _ in 0..20 {
        match both.server.read(&mut space, &mut both.scratch) {
            Ok(3) => return Ok(()),
            Ok(count) => return Err(format!("{count} bytes came")),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(text(error)),
        }
        if both.client.shake_hands(&mut both.scratch).map_err(text)? && !has_written {
            has_written = true;
            both.client
                .write_vectored(&[IoSlice::new(b"abc")])
                .map_err(text)?;
        }
    }
    Err("they do not come to an end".to_owned())
}

/// What one side has written and the other has not read yet.
#[derive(Default)]
struct Way {
    under_way: VecDeque<u8>,
    count: usize,
}

impl Way {
    fn send(&mut self, from: &mut Secured<End>, rng: &mut Rng) {
        let mut parts = vec![Vec::new(); 1 + rng.below(4) as usize];
        for part in &mut parts {
            part.resize(rng.below(40_000) as usize, 0);
            rng.fill(part);
        }
        let slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        match from.write_vectored(&slices) {
            Ok(taken) => {
                self.count += taken;
                self.under_way.extend(parts.concat().iter().take(taken));
            }
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }

    fn receive(&mut self, to: &mut Secured<End>, rng: &mut Rng, scratch: &mut Vec<u8>) {
        let mut space = vec![0; 1 + rng.below(30_000) as usize];
        match to.read(&mut space, scratch) {
            Ok(count) => {
                assert!(count > 0, "nobody has ended");
                let expected: Vec<u8> = self.under_way.drain(..count).collect();
                assert!(space[..count] == expected, "other bytes came out");
                let is_drained = to.socket.incoming.borrow().bytes.is_empty();
                // Or a loop that is told of changes would not come again: these bytes have been announced.
                assert!(is_drained || count == space.len() || to.may_have_more());
            }
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
                assert!(!to.may_have_more(), "it had more and did not give it");
                assert!(to.socket.incoming.borrow().bytes.is_empty());
            }
        }
        to.push().expect("an open pipe");
    }
}

#[test]
fn bytes_come_out_as_they_went_in_however_the_pipe_is() {
    let server = listen_security(&terms("server")).unwrap();
    let client = dial_security(&terms("client")).unwrap();
    let mut rng = Rng::from_seed(7);
    for round in 0..30 {
        let (room, most) = match round % 3 {
            0 => (1 << 20, 1 << 20),
            1 => (70_000, 40_000),
            _ => (1 + rng.below(3_000) as usize, 1 + rng.below(2_000) as usize),
        };
        let (mut both, ..) = connect(&server, &client, room, most);
        let (mut up, mut down) = (Way::default(), Way::default());
        for _ in 0..400 {
            match rng.below(4) {
                0 if !both.client.is_handshaking() => up.send(&mut both.client, &mut rng),
                1 if !both.server.is_handshaking() => down.send(&mut both.server, &mut rng),
                2 => up.receive(&mut both.server, &mut rng, &mut both.scratch),
                _ if both.client.is_handshaking() => {
                    both.client
                        .shake_hands(&mut both.scratch)
                        .expect("they agree");
                }
                _ => down.receive(&mut both.client, &mut rng, &mut both.scratch),
            }
        }
        for _ in 0..1_000_000 {
            if up.under_way.is_empty() && down.under_way.is_empty() {
                break;
            }
            both.client.push().unwrap();
            both.server.push().unwrap();
            up.receive(&mut both.server, &mut rng, &mut both.scratch);
            down.receive(&mut both.client, &mut rng, &mut both.scratch);
        }
        assert!(up.under_way.is_empty() && down.under_way.is_empty());
        assert!(up.count > 0 && down.count > 0, "round {round}");
        assert!(!both.client.has_pending() && !both.server.has_pending());
    }
}

#[test]
fn an_end_is_told_from_a_cut_and_both_are_ends() {
    let server = listen_security(&terms("server")).unwrap();
    let client = dial_security(&terms("client")).unwrap();
    for says_goodbye in [true, false] {
        let (mut both, _, there) = connect(&server, &client, 1 << 20, 1 << 20);
        let mut space = [0; 100];
        while both.server.is_handshaking() || both.client.is_handshaking() {
            both.client.shake_hands(&mut both.scratch).unwrap();
            let _ = both.server.read(&mut space, &mut both.scratch);
        }
        both.client
            .write_vectored(&[IoSlice::new(b"last")])
            .unwrap();
        if says_goodbye {
            both.client.part();
        } else {
            there.outgoing.borrow_mut().is_closed = true;
        }
        assert_eq!(both.server.read(&mut space, &mut both.scratch).unwrap(), 4);
        assert!(both.server.may_have_more() == says_goodbye);
        assert_eq!(both.server.read(&mut space, &mut both.scratch).unwrap(), 0);
    }
}

#[test]
fn garbage_is_refused() {
    let server = listen_security(&terms("server")).unwrap();
    let client = dial_security(&terms("client")).unwrap();
    for words in [
        &b"PING\r\n"[..],
        b"*1\r\n$4\r\nPING\r\n",
        &[0x16; 600],
        &vec![0xff; 70_000],
    ] {
        let (mut both, _, there) = connect(&server, &client, 1 << 20, 1 << 20);
        there.outgoing.borrow_mut().bytes.extend(words);
        there.outgoing.borrow_mut().is_closed = true;
        let error = both.server.read(&mut [0; 10], &mut both.scratch);
        let was_told = !both.server.socket.outgoing.borrow().bytes.is_empty();
        assert_eq!(was_told, words[0] == 0x16 && error.is_err());
        assert!(
            matches!(&error, Ok(0))
                || error.is_err_and(|error| error.kind() == io::ErrorKind::InvalidData)
        );
    }
}

#[test]
fn who_is_welcome_is_what_the_terms_say() {
    let asks = terms("server");
    let may = Terms {
        callers: Callers::MayShow,
        ..terms("server")
    };
    let does_not = Terms {
        callers: Callers::NotAsked,
        ..terms("server")
    };
    let nobody = Terms {
        identity: None,
        ..terms("client")
    };
    for good in ["client", "old", "server"] {
        assert_eq!(agree(&asks, &terms(good)), Ok(()), "{good}");
        assert_eq!(agree(&terms("old"), &terms(good)), Ok(()), "{good}");
    }
    let older = |terms: Terms| Terms {
        protocols: "TLSv1.2".to_owned(),
        ..terms
    };
    assert_eq!(agree(&older(asks.clone()), &terms("old")), Ok(()));
    assert_eq!(agree(&older(terms("old")), &older(terms("client"))), Ok(()));

    assert!(agree(&asks, &nobody).is_err());
    assert_eq!(agree(&may, &nobody), Ok(()));
    assert_eq!(agree(&does_not, &nobody), Ok(()));
    for bad in ["late", "alone"] {
        assert!(agree(&asks, &terms(bad)).is_err(), "{bad}");
        assert!(agree(&may, &terms(bad)).is_err(), "{bad}");
        assert_eq!(agree(&does_not, &terms(bad)), Ok(()), "{bad}");
        assert!(agree(&terms(bad), &terms("client")).is_err(), "{bad}");
    }
    // Who signed for himself is welcome where he is named.
    let knows_alone = Terms {
        authorities: Authorities {
            file: Some(file("alone.crt")),
            dir: None,
        },
        ..terms("server")
    };
    assert_eq!(agree(&knows_alone, &terms("alone")), Ok(()));
    assert!(agree(&knows_alone, &terms("client")).is_err());
    let knows_all = Terms {
        authorities: Authorities {
            file: None,
            dir: Some(file("")),
        },
        ..terms("server")
    };
    assert_eq!(agree(&knows_all, &terms("alone")), Ok(()));
    assert_eq!(agree(&knows_all, &terms("client")), Ok(()));
    assert!(agree(&knows_all, &terms("late")).is_err());
}

#[test]
fn the_two_need_a_version_and_a_cipher_in_common() {
    let with = |protocols: &str, ciphers: &str, suites: &str| Terms {
        protocols: protocols.to_owned(),
        ciphers: ciphers.to_owned(),
        ciphersuites: suites.to_owned(),
        ..terms("server")
    };
    assert!(agree(&with("TLSv1.2", "", ""), &with("TLSv1.3", "", "")).is_err());
    assert_eq!(
        agree(&with("TLSv1.3 TLSv1.2", "", ""), &with("TLSv1.2", "", "")),
        Ok(())
    );
    let one = "ECDHE-RSA-AES128-GCM-SHA256";
    let other = "ECDHE-RSA-AES256-GCM-SHA384";
    assert!(agree(&with("TLSv1.2", one, ""), &with("TLSv1.2", other, "")).is_err());
    assert_eq!(
        agree(&with("TLSv1.2", one, ""), &with("TLSv1.2", "", "")),
        Ok(())
    );
    let newer = "TLS_CHACHA20_POLY1305_SHA256";
    assert_eq!(
        agree(&with("TLSv1.3", "", newer), &with("", "", "")),
        Ok(())
    );
    let error = agree(&with("", "", "TLS_NULL"), &terms("client")).unwrap_err();
    assert_eq!(
        error,
        "Failed to configure ciphersuites: no cipher is called TLS_NULL"
    );
}

#[test]
fn callers_that_come_back_are_remembered() {
    for protocols in ["TLSv1.2", "TLSv1.3"] {
        let mut offered = terms("server");
        offered.protocols = protocols.to_owned();
        let mut kinds = Vec::new();
        for memory in [offered.memory, None] {
            let server = listen_security(&Terms {
                memory,
                ..offered.clone()
            })
            .unwrap();
            let client = dial_security(&terms("client")).unwrap();
            for _ in 0..2 {
                let (mut both, ..) = connect(&server, &client, 1 << 20, 1 << 20);
                while both.server.is_handshaking() || both.client.is_handshaking() {
                    both.client.shake_hands(&mut both.scratch).unwrap();
                    let _ = both.server.read(&mut [0; 10], &mut both.scratch);
                }
                // What the server tells about the session comes with its first words.
                both.server.write_vectored(&[IoSlice::new(b"x")]).unwrap();
                both.client.read(&mut [0; 10], &mut both.scratch).unwrap();
                kinds.push(both.server.is_resumed());
            }
        }
        assert_eq!(kinds, [false, true, false, false], "{protocols}");
    }
}

#[test]
fn what_is_wrong_with_files_is_said_with_their_names() {
    let error = |certificate: &str, key: &str, passphrase: &[u8]| {
        let identity = Some(IdentityFiles {
            certificate: file(certificate),
            key: file(key),
            passphrase: passphrase.to_vec(),
        });
        let terms = Terms {
            identity,
            ..terms("server")
        };
        listen_security(&terms).map(drop).unwrap_err()
    };
    let said = error("nobody.crt", "server.key", b"");
    assert!(
        said.starts_with("Failed to load certificate: ") && said.contains("No such file"),
        "{said}"
    );
    let said = error("make.sh", "server.key", b"");
    assert!(said.ends_with("there is no certificate in it"), "{said}");
    let said = error("server.crt", "client.key", b"");
    assert!(said.ends_with("key values mismatch"), "{said}");
    let said = error("server.crt", "locked.key", b"guess");
    assert!(said.ends_with("the passphrase does not open it"), "{said}");
    let opened = Terms {
        identity: Some(IdentityFiles {
            certificate: file("server.crt"),
            key: file("locked.key"),
            passphrase: b"open sesame".to_vec(),
        }),
        ..terms("server")
    };
    assert_eq!(agree(&opened, &terms("client")), Ok(()));
    let nobody = Terms {
        authorities: Authorities {
            file: Some(file("make.sh")),
            dir: None,
        },
        ..terms("server")
    };
    let said = listen_security(&nobody).map(drop).unwrap_err();
    assert!(
        said.starts_with("Failed to configure CA certificate(s) file/directory: "),
        "{said}"
    );
}
