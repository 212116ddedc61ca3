//! Libraries of functions: kept, though they cannot run here.
//!
//! Files of other servers bring them, in RDB as texts and in the append-only log as the commands that made them. They go
//! back into every file that is written, so that who returns to such a server finds them again. A library is known by
//! its name, which its first line says: `#!lua name=mylib`.

use crate::persist::rdb::file::{Event, FileReader, Options};
use crate::wire::args::Args;

use super::Engine;

impl Engine {
    /// Does to the libraries what FUNCTION did when it was written into the log. Tells whether it is such a command.
    pub(super) fn follow_function(&mut self, args: Args<'_>) -> bool {
        let is = |index: usize, word: &str| {
            args.get(index)
                .is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
        };
        if !is(0, "function") {
            return false;
        }
        let libraries = &mut self.services.persistence.libraries;
        match args.len() {
            3 | 4 if is(1, "load") => self.keep_library(args.at(args.len() - 1).to_vec()),
            3 if is(1, "delete") => libraries.retain(|code| name_of(code) != Some(args.at(2))),
            2 | 3 if is(1, "flush") => libraries.clear(),
            3 | 4 if is(1, "restore") => {
                let Some(restored) = self.unpack(args.at(2)) else {
                    return false;
                };
                if is(3, "flush") {
                    self.services.persistence.libraries.clear();
                }
                for code in restored {
                    self.keep_library(code);
                }
            }
            _ => return false,
        }
        true
    }

    /// The log only has what went well, so one of the same name was to be replaced.
    fn keep_library(&mut self, code: Vec<u8>) {
        let libraries = &mut self.services.persistence.libraries;
        let same = |old: &Vec<u8>| name_of(old).is_some() && name_of(old) == name_of(&code);
        match libraries.iter().position(same) {
            Some(at) => libraries[at] = code,
            None => libraries.push(code),
        }
    }

    /// The texts in what FUNCTION DUMP gave: records of an RDB file, a version and a checksum.
    fn unpack(&self, payload: &[u8]) -> Option<Vec<Vec<u8>>> {
        let (records, footer) = payload.split_at_checked(payload.len().checked_sub(FOOTER_LEN)?)?;
        let version = u16::from_le_bytes([footer[0], footer[1]]);
        let mut file = format!("REDIS{version:04}").into_bytes();
        file.extend_from_slice(records);
        file.push(crate::persist::rdb::file::opcode::END);
        file.extend_from_slice(&[0; 8]);
        let options = Options {
            checks: false,
            ..self.rdb_options()
        };
        let mut reader = FileReader::new(&file[..], &self.rdb_limits(), options);
        let (mut libraries, mut arena) = (Vec::new(), Vec::new());
        loop {
            match reader.next(&mut arena).ok()? {
                Event::Version(_) => {}
                Event::Functions(code) => libraries.push(code),
                Event::End(_) => return Some(libraries),
                _ => return None,
            }
        }
    }
}

/// The version and the checksum.
const FOOTER_LEN: usize = 10;

fn name_of(code: &[u8]) -> Option<&[u8]> {
    let line = code.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(u8::is_ascii_whitespace);
    words.find_map(|word| word.strip_prefix(b"name="))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Clock;
    use crate::commands;
    use crate::config::Config;
    use crate::wire::args::OwnedArgs;

    #[test]
    fn the_log_is_followed() {
        let mut engine = Engine::new(Config::new(), commands::table(), Clock::manual(0), 1);
        let mut follow = |words: &[&[u8]]| {
            let known = engine.follow_function(OwnedArgs::from_slices(words).as_args());
            (known, engine.services.persistence.libraries.clone())
        };
        let (one, two) = (
            b"#!lua name=one\nreturn 1".to_vec(),
            b"#!lua name=two\n".to_vec(),
        );
        let newer = b"#!lua name=one\nreturn 2".to_vec();
        follow(&[b"FUNCTION", b"LOAD", &one]);
        follow(&[b"function", b"load", &two]);
        let (known, kept) = follow(&[b"FUNCTION", b"LOAD", b"REPLACE", &newer]);
        assert!(known && kept == [newer.clone(), two.clone()]);
        assert_eq!(follow(&[b"FUNCTION", b"DELETE", b"one"]).1, [two]);
        let dump = [
            b"\xf5\x17#!lua name=one\nreturn 1".as_slice(),
            b"\x0a\x00",
            &[0; 8],
        ]
        .concat();
        assert_eq!(follow(&[b"FUNCTION", b"RESTORE", &dump, b"FLUSH"]).1, [one]);
        assert!(!follow(&[b"FUNCTION", b"RESTORE", b"short"]).0);
        assert!(!follow(&[b"FUNCTION", b"LIST"]).0 && !follow(&[b"GET", b"key"]).0);
        assert!(follow(&[b"FUNCTION", b"FLUSH"]).1.is_empty());
    }
}
