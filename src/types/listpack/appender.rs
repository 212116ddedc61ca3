//! Appending several elements with one look at the allocation.
//!
//! The caller says beforehand how many bytes the entries take at most, so that each is encoded once and written where
//! it belongs. The header is brought up to date at the end.

use super::entry::{END, Encoded, Item};
use super::{Listpack, blob};

pub(crate) struct Appender<'a> {
    pack: &'a mut Listpack,
    /// Where the next entry goes.
    at: usize,
    count: usize,
}

impl<'a> Appender<'a> {
    /// Makes room for entries of `bytes` in all, as `room_for_text` and `room_for_int` count them.
    #[inline]
    pub(crate) fn new(pack: &'a mut Listpack, bytes: usize) -> Self {
        let total = pack.byte_len();
        if total + bytes > pack.0.len() {
            blob::resize(&mut pack.0, total + bytes);
        }
        Self {
            pack,
            at: total - 1,
            count: 0,
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, item: Item<'_>) {
        let entry = Encoded::new(item);
        let end = self.at + entry.len();
        entry.write(&mut self.pack.0[self.at..end]);
        self.at = end;
        self.count += 1;
    }

    #[inline]
    pub(crate) fn push_int(&mut self, value: i64) {
        if (0..=127).contains(&value) {
            self.pack.0[self.at..self.at + 2].copy_from_slice(&[value as u8, 1]);
            self.at += 2;
            self.count += 1;
        } else {
            self.push(Item::Int(value));
        }
    }

    #[inline]
    pub(crate) fn finish(self) {
        self.pack.0[self.at] = END;
        self.pack.set_total(self.at + 1);
        self.pack.count_changed(self.count as isize);
    }
}

/// The most bytes that the entry of a text takes. A text that becomes an integer never takes more.
#[inline]
pub(crate) fn room_for_text(text: &[u8]) -> usize {
    match text.len() {
        len @ ..64 => len + 2,
        len @ ..4096 => len + 4,
        len => len + 10,
    }
}

/// The most bytes that the entry of such an integer takes.
#[inline]
pub(crate) fn room_for_int(value: i64) -> usize {
    match value {
        0..=127 => 2,
        -4096..=4095 => 3,
        _ => 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    #[test]
    fn appends_what_append_does_within_the_room() {
        let mut rng = Rng::from_seed(8);
        for _ in 0..500 {
            let (mut one, mut other) = (Listpack::new(), Listpack::new());
            for _ in 0..rng.below(6) {
                let number = rng.next_u64() as i64 >> rng.below(64);
                let texts = [
                    number.to_string().into_bytes(),
                    vec![b'a'; rng.index(200)],
                    vec![b'b'; rng.index(9000)],
                ];
                let room: usize = texts.iter().map(|text| room_for_text(text)).sum();
                let mut appender = Appender::new(&mut one, room + room_for_int(number));
                appender.push_int(number);
                for text in &texts {
                    appender.push(Item::Bytes(text));
                }
                assert!(appender.at < appender.pack.0.len());
                appender.finish();
                other.append(number);
                for text in &texts {
                    other.append(text);
                }
                assert_eq!(one, other);
            }
        }
    }
}
