//! Requests, written out before they are needed.
//!
//! All in one piece of memory, one behind the other, so that a batch is a slice of it. Where they differ from each
//! other there are as many as fit, and once the last has been sent the first comes again; where they do not, there is
//! one batch.

use crate::base::rng::Rng;
use crate::client::push_request;

use super::options::Options;
use super::suite::{DATA, RANDOM, Test};

#[derive(Default)]
pub(super) struct Requests {
    bytes: Vec<u8>,
    /// Where each request ends.
    ends: Vec<usize>,
    /// The request that comes next.
    next: usize,
}

/// Requests that differ take about so much memory in all.
const BYTES_MAX: usize = 32 << 20;

impl Requests {
    pub(super) fn render(test: &Test, options: &Options) -> Requests {
        let pipeline = options.pipeline as usize;
        let is_random =
            options.keyspace.is_some() && test.words.iter().any(|word| holds(word, RANDOM));
        let wanted = match is_random {
            true if options.seconds.is_some() => usize::MAX,
            true => usize::try_from(options.requests).unwrap_or(usize::MAX),
            false => 0,
        };
        let mut rng = Rng::from_seed(options.seed);
        let mut requests = Requests {
            bytes: Vec::new(),
            ends: Vec::new(),
            next: 0,
        };
        while requests.ends.len() < pipeline
            || (requests.ends.len() < wanted && requests.bytes.len() < BYTES_MAX)
        {
            requests.add(test, options, &mut rng);
        }
        requests
    }

    fn add(&mut self, test: &Test, options: &Options, rng: &mut Rng) {
        let filled = test.words.iter().map(|word| {
            let word = match options.keyspace {
                Some(size) => replace(word, RANDOM, |out| {
                    let number = rng.next_u64() % size;
                    out.extend_from_slice(format!("{number:012}").as_bytes());
                }),
                None => word.clone(),
            };
            replace(&word, DATA, |out| {
                out.resize(out.len() + options.size as usize, b'x')
            })
        });
        let words: Vec<Vec<u8>> = filled.collect();
        if test.is_inline {
            self.bytes.extend_from_slice(&words.join(&b' '));
            self.bytes.extend_from_slice(b"\r\n");
        } else {
            push_request(&mut self.bytes, &words);
        }
        self.ends.push(self.bytes.len());
    }

    /// The next `count` requests, which must be no more than a pipeline has.
    pub(super) fn take(&mut self, count: usize) -> &[u8] {
        if self.next + count > self.ends.len() {
            self.next = 0;
        }
        let from = self
            .next
            .checked_sub(1)
            .map_or(0, |before| self.ends[before]);
        self.next += count;
        &self.bytes[from..self.ends[self.next - 1]]
    }
}

fn holds(word: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(word, part).is_some()
}

/// `word` with each `part` replaced by what `write` appends.
fn replace(word: &[u8], part: &[u8], mut write: impl FnMut(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some(at) = memchr::memmem::find(rest, part) {
        out.extend_from_slice(&rest[..at]);
        write(&mut out);
        rest = &rest[at + part.len()..];
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(words: &str) -> Requests {
        let words: Vec<Vec<u8>> = words
            .split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect();
        let options = Options::understand(&words).expect("understood");
        let test = super::super::suite::chosen(&options)
            .expect("known")
            .remove(0);
        Requests::render(&test, &options)
    }

    #[test]
    fn without_a_key_space_all_are_the_same() {
        let mut requests = rendered("-P 2 -d 4 SET key:__rand_int__ __data__");
        let one = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:__rand_int__\r\n$4\r\nxxxx\r\n";
        assert_eq!(requests.take(2), [&one[..], one].concat());
        assert_eq!(requests.take(1), one);
        assert_eq!(requests.take(2), [&one[..], one].concat());
    }

    #[test]
    fn random_numbers_lie_in_the_key_space_and_differ() {
        let mut requests = rendered("-n 1000 -r 10 MGET __rand_int__ __rand_int__");
        assert_eq!(requests.ends.len(), 1000);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let text = String::from_utf8(requests.take(1).to_vec()).expect("text");
            for word in text.split("\r\n").filter(|word| word.len() == 12) {
                seen.insert(word.parse::<u64>().expect("digits"));
            }
        }
        assert_eq!(seen, (0..10).collect());
    }

    #[test]
    fn lines_are_lines() {
        assert_eq!(rendered("-t ping_inline").take(1), b"PING\r\n");
    }
}
