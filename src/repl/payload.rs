//! Takes a data set out of the bytes from a primary.
//!
//! ```text
//! $1234\r\n      and then so many bytes; the stream follows
//! $EOF:<mark>\r\n  and then bytes up to the mark, 40 of them; nothing follows until we say that we are ready
//! ```
//!
//! The mark is random, so it is not in the data. As nothing follows it, it stands at the end of what has come or has
//! not come: it is enough to look there.

/// How a data set ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Length(u64),
    Mark([u8; MARK_LEN]),
}

pub(crate) const MARK_LEN: usize = 40;

/// Takes bytes up to the end of the data set.
#[derive(Debug)]
pub(crate) struct Payload {
    form: Form,
    /// Bytes that may be the mark.
    held: Vec<u8>,
    /// How many bytes of the data set have come.
    pub(crate) received: u64,
    is_complete: bool,
}

/// The first line: `$` and what follows. `None`: it is something else.
pub(crate) fn parse_header(line: &[u8]) -> Option<Form> {
    let rest = line.strip_prefix(b"$")?;
    if let Some(mark) = rest.strip_prefix(b"EOF:")
        && let Some(mark) = mark.first_chunk()
    {
        return Some(Form::Mark(*mark));
    }
    crate::base::num::parse_u64(rest).map(Form::Length)
}

impl Payload {
    pub(crate) fn new(form: Form) -> Self {
        Self {
            is_complete: form == Form::Length(0),
            form,
            held: Vec::new(),
            received: 0,
        }
    }

    /// How long it is, if that is known.
    pub(crate) fn total(&self) -> Option<u64> {
        match self.form {
            Form::Length(total) => Some(total),
            Form::Mark(_) => None,
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Takes bytes; those of the data set are appended to `out`. Returns how many were taken: what follows belongs to
    /// the stream.
    pub(crate) fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        if self.is_complete {
            return 0;
        }
        match &self.form {
            Form::Length(total) => {
                let left = usize::try_from(total - self.received).unwrap_or(usize::MAX);
                let count = left.min(bytes.len());
                out.extend_from_slice(&bytes[..count]);
                self.received += count as u64;
                self.is_complete = self.received == *total;
                count
            }
            Form::Mark(mark) => {
                self.held.extend_from_slice(bytes);
                let sure = self.held.len().saturating_sub(MARK_LEN);
                out.extend(self.held.drain(..sure));
                self.received += sure as u64;
                self.is_complete = self.held == mark;
                bytes.len()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn the_header_says_how_it_ends() {
        assert_eq!(parse_header(b"$0"), Some(Form::Length(0)));
        assert_eq!(parse_header(b"$123"), Some(Form::Length(123)));
        let mark = [b'k'; MARK_LEN];
        let line = [b"$EOF:".as_slice(), &mark].concat();
        assert_eq!(parse_header(&line), Some(Form::Mark(mark)));
        for bad in [
            "",
            "$",
            "$-1",
            "$x",
            "$EOF:short",
            "+OK",
            "$18446744073709551616",
        ] {
            assert_eq!(parse_header(bad.as_bytes()), None, "{bad}");
        }
    }

    /// However the bytes are cut, the data set comes out and what follows is left.
    #[test]
    fn cuts_do_not_matter() {
        let mut rng = Rng::from_seed(3);
        for _ in 0..500 {
            let data: Vec<u8> = (0..rng.index(300))
                .map(|_| b'a' + rng.below(3) as u8)
                .collect();
            let mark = [b'a'; MARK_LEN];
            let has_mark = rng.one_in(2)
                && !data.ends_with(&mark[..1])
                && !data.windows(MARK_LEN).any(|part| part == mark);
            let (form, sent) = if has_mark {
                (Form::Mark(mark), [data.as_slice(), &mark].concat())
            } else {
                (
                    Form::Length(data.len() as u64),
                    [data.as_slice(), b"*1\r\n"].concat(),
                )
            };
            let (mut payload, mut out, mut at) = (Payload::new(form), Vec::new(), 0);
            while !payload.is_complete() {
                let count = (1 + rng.index(60)).min(sent.len() - at);
                assert!(count > 0, "it must end with its bytes");
                at += payload.take(&sent[at..at + count], &mut out);
            }
            assert_eq!(out, data);
            assert_eq!(payload.received, data.len() as u64);
            assert_eq!(sent.len() - at, if has_mark { 0 } else { 4 });
        }
    }
}
