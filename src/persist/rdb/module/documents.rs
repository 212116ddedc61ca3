//! JSON documents in files, as the module of Redis writes them: a value of kind 7 (`module`).
//!
//! ```text
//! version 3   the text
//! version 2   the text | 0, or a number and two texts about an index, or nothing at all
//! version 0   node
//! node        1 | 2 text | 4 double | 8 integer | 16 "0" or "1" | 32 count fields | 64 count nodes
//! field       128 | name | node
//! ```
//!
//! The third version is written. What the older ones have becomes text, which is read like any other. The fourth is not
//! known here: its parts are not text but the memory of that server's values.

use super::super::fault::Fault;
use super::{Part, Parts};
use crate::types::json::{DEPTH_MAX, Json, Number, push_number, push_quoted};

/// A document of a version that has been read off its identifier. `None` if it is not known.
pub(super) fn read(version: u64, parts: &mut Parts<'_>) -> Result<Option<Json>, Fault> {
    let text = match version {
        0 => {
            let mut text = Vec::new();
            node(parts, &mut text, 0)?;
            text
        }
        2 => {
            let text = parts.text()?;
            match parts.next()? {
                // The earliest writers had nothing behind the text.
                Part::End => return parse(&text).map(Some),
                Part::Int(0) => {}
                Part::Int(_) => {
                    parts.text()?;
                    parts.text()?;
                }
                _ => return Err(Fault::Malformed),
            }
            text
        }
        3 => parts.text()?,
        _ => return Ok(None),
    };
    parts.end()?;
    parse(&text).map(Some)
}

fn parse(text: &[u8]) -> Result<Json, Fault> {
    Json::parse(text).map_err(|_| Fault::Malformed)
}

/// A value of the first version, as text. Its depth is bounded here, and so is the recursion.
fn node(parts: &mut Parts<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), Fault> {
    if depth > DEPTH_MAX {
        return Err(Fault::Malformed);
    }
    match parts.int()? {
        1 => out.extend_from_slice(b"null"),
        2 => push_quoted(out, &parts.text()?),
        4 => {
            let number = Some(parts.double()?).filter(|number| number.is_finite());
            push_number(out, Number::Double(number.ok_or(Fault::Malformed)?));
        }
        8 => push_number(out, Number::Int(parts.int()? as i64)),
        16 => {
            let is_true = parts.text()?.starts_with(b"1");
            out.extend_from_slice(if is_true { b"true" } else { b"false" });
        }
        32 => {
            out.push(b'{');
            for at in 0..parts.int()? {
                if at > 0 {
                    out.push(b',');
                }
                if parts.int()? != 128 {
                    return Err(Fault::Malformed);
                }
                push_quoted(out, &parts.text()?);
                out.push(b':');
                node(parts, out, depth + 1)?;
            }
            out.push(b'}');
        }
        64 => {
            out.push(b'[');
            for at in 0..parts.int()? {
                if at > 0 {
                    out.push(b',');
                }
                node(parts, out, depth + 1)?;
            }
            out.push(b']');
        }
        _ => return Err(Fault::Malformed),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.as_bytes().to_vec())
    }

    fn read_all(version: u64, parts: Vec<Part>) -> Option<String> {
        let mut parts = parts.into_iter();
        let mut next = || parts.next().ok_or(Fault::Malformed);
        let json = read(version, &mut Parts(&mut next)).ok()??;
        assert!(parts.next().is_none(), "all has been read");
        Some(String::from_utf8(json.text()).expect("text"))
    }

    #[test]
    fn older_versions_are_read() {
        let nodes = || {
            vec![
                Part::Int(32),
                Part::Int(3),
                Part::Int(128),
                text("a \"b\""),
                Part::Int(64),
                Part::Int(4),
                Part::Int(1),
                Part::Int(16),
                text("1"),
                Part::Int(8),
                Part::Int(-5_i64 as u64),
                Part::Int(4),
                Part::Double(0.5),
                Part::Int(128),
                text("c"),
                Part::Int(2),
                text("é\n"),
                Part::Int(128),
                text("d"),
                Part::Int(32),
                Part::Int(0),
                Part::End,
            ]
        };
        let wanted = r#"{"a \"b\"":[null,true,-5,0.5],"c":"é\n","d":{}}"#;
        assert_eq!(read_all(0, nodes()).as_deref(), Some(wanted));
        let mut cut = nodes();
        cut.truncate(9);
        assert_eq!(read_all(0, cut), None);
        let mut wrong = nodes();
        wrong[2] = Part::Int(64);
        assert_eq!(read_all(0, wrong), None, "a field is none");

        let two = |mut rest: Vec<Part>| {
            rest.insert(0, text("[1, 2]"));
            read_all(2, rest)
        };
        let index = || vec![Part::Int(1), text("key"), text("index"), Part::End];
        for rest in [vec![Part::End], vec![Part::Int(0), Part::End], index()] {
            assert_eq!(two(rest).as_deref(), Some("[1,2]"));
        }
        assert_eq!(two(vec![text("more"), Part::End]), None);
        assert_eq!(
            read_all(3, vec![text("7"), Part::End]).as_deref(),
            Some("7")
        );
        assert_eq!(read_all(4, vec![text("7"), Part::End]), None);
    }

    #[test]
    fn what_is_too_deep_or_no_number_is_refused() {
        let mut deep = Vec::new();
        for _ in 0..100_000 {
            deep.extend([Part::Int(64), Part::Int(1)]);
        }
        assert_eq!(read_all(0, deep), None);
        let endless = vec![Part::Int(4), Part::Double(f64::INFINITY), Part::End];
        assert_eq!(read_all(0, endless), None);
    }
}
