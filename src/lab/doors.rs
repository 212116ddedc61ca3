//! Opening the doors: one listener for each port of a range, all of them in one loop.
//!
//! A port that somebody else has is not an error as long as another is free: the terminal says which are open and
//! which are taken, and why. Which door a client came in by is said by the connection itself (`Peer::local`), so
//! nothing needs to be remembered here.

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::reactor::{Address, Io, Listen};

use super::options::At;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doors {
    Tcp,
    Udp,
}

/// Opens every free port and says so. An error if none was free.
pub(crate) fn open(io: &mut Io, at: &At, name: &str, doors: Doors) -> Result<(), String> {
    let mut report = String::new();
    let mut is_open = false;
    for &address in &at.bind {
        let mut got = Vec::new();
        let mut taken: Vec<(String, Vec<u16>)> = Vec::new();
        for port in at.port.first..=at.port.last {
            match open_one(io, SocketAddr::new(address, port), doors) {
                Ok(port) => got.push(port),
                Err(error) => {
                    let why = reason(&error);
                    match taken.iter_mut().find(|(known, _)| *known == why) {
                        Some((_, ports)) => ports.push(port),
                        None => taken.push((why, vec![port])),
                    }
                }
            }
        }
        is_open |= !got.is_empty();
        describe(&mut report, name, doors, address, &got, &taken);
    }
    if is_open {
        println!("{}", report.trim_end());
        Ok(())
    } else {
        Err(format!("no port could be opened\n{}", report.trim_end()))
    }
}

fn open_one(io: &mut Io, address: SocketAddr, doors: Doors) -> io::Result<u16> {
    let id = match doors {
        Doors::Tcp => io.listen(&Listen::Tcp {
            address,
            backlog: BACKLOG,
        })?,
        Doors::Udp => io.bind_datagram(address)?,
    };
    match io.address(id) {
        Some(Address::Ip(local)) => Ok(local.port()),
        _ => Ok(address.port()),
    }
}

fn describe(
    report: &mut String,
    name: &str,
    doors: Doors,
    address: IpAddr,
    got: &[u16],
    taken: &[(String, Vec<u16>)],
) {
    let layer = if doors == Doors::Tcp { "tcp" } else { "udp" };
    // Writing to a string cannot fail.
    if !got.is_empty() {
        let _ = writeln!(
            report,
            "{name} ({layer}) on {address}, port {}",
            ranges(got)
        );
    }
    for (why, ports) in taken {
        let _ = writeln!(report, "not on {address}, port {}: {why}", ranges(ports));
    }
}

/// `[1, 2, 3, 7]` as `1-3, 7`. The ports come in order.
fn ranges(ports: &[u16]) -> String {
    let mut text = String::new();
    for run in ports.chunk_by(|one, next| one + 1 == *next) {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = match run {
            [only] => write!(text, "{separator}{only}"),
            [first, .., last] => write!(text, "{separator}{first}-{last}"),
            [] => Ok(()),
        };
    }
    text
}

/// Raises the number of descriptors this process may have, if so many clients need it. A descriptor that cannot be had
/// will be missed when it is needed: the loop then leaves clients at the door for a while.
pub(crate) fn make_room(at: &At) {
    let doors = (u64::from(at.port.last - at.port.first) + 1) * at.bind.len() as u64;
    // A client of the relay has two sockets.
    let wanted = u64::from(at.max_clients) * 2 + doors + 64;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    let most = limit.maximum.unwrap_or(u64::MAX);
    let raised = Rlimit {
        current: Some(wanted.min(most)),
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, raised);
}

/// The text of an error, without its number.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

const BACKLOG: u32 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_put_together() {
        assert_eq!(ranges(&[]), "");
        assert_eq!(ranges(&[7]), "7");
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1-3, 7, 9-10");
        assert_eq!(ranges(&[65_534, 65_535]), "65534-65535");
    }
}
