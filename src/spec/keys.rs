//! Which words of a request are keys, and what happens to them.
//!
//! Clusters route by keys, ACLs guard them, tracking remembers them, and COMMAND GETKEYS tells a client that does not
//! know a command. All ask here. Mostly the key specs of the row answer: where to begin, then which words to take. A
//! few commands need the whole request to be read ([`KeyRule`]): those whose keys stand in no fixed place, and those
//! whose options decide whether a key is read or written.
//!
//! A request that is malformed as far as its keys go (a count that does not fit, say) has none: the handler will refuse
//! it before touching anything, so nothing is left unguarded. The other way round, a word reported here need not be
//! touched in the end.
//!
//! Not known here: how a request is stored. [`Words`] is all that is asked of it.

use crate::base::num::leading_i32;
use crate::base::text::is_word;

use super::flags::{KeyFlags, key};
use super::model::{Begin, Find, KeyRule, KeySpec, Spec};

/// A request as the extraction sees it: the command's name is word 0, a subcommand's name word 1.
pub(crate) trait Words {
    fn count(&self) -> usize;
    fn word(&self, index: usize) -> &[u8];
}

impl Words for [&[u8]] {
    fn count(&self) -> usize {
        self.len()
    }

    fn word(&self, index: usize) -> &[u8] {
        self[index]
    }
}

/// A word that is a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyAt {
    pub(crate) index: usize,
    pub(crate) flags: KeyFlags,
}

/// The option that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Keys,
    /// Also what is no key but belongs to a slot as keys do: the channels of SPUBLISH and its kin.
    KeysAndShardChannels,
}

/// Appends the keys of a request to `found`, in the order Redis reports them. Nothing is appended when there are none
/// or the request cannot be understood.
///
/// The caller keeps `found` from request to request, so that nothing is allocated once it has grown.
pub(crate) fn extract<W: Words + ?Sized>(
    spec: &Spec,
    words: &W,
    wanted: Wanted,
    found: &mut Vec<KeyAt>,
) {
    match spec.key_rule {
        Some(KeyRule::Set) => found.push(set_key(words)),
        Some(KeyRule::Bitfield) => found.push(bitfield_key(words)),
        Some(KeyRule::Sort) => sort_keys(words, found),
        Some(KeyRule::SortReadOnly) => found.push(read(1)),
        Some(KeyRule::Migrate) => migrate_keys(words, found),
        None => {
            let start = found.len();
            if by_specs(spec, words, wanted, |key| found.push(key)).is_err() {
                found.truncate(start);
                loosely_counted_keys(spec, words, found);
            }
        }
    }
}

/// Shows the keys of a request to `look` while it says true, and says whether it did to the last. None if the specs of
/// the row alone cannot tell them, or not from this request.
pub(crate) fn all_by_specs<W: Words + ?Sized>(
    spec: &Spec,
    words: &W,
    mut look: impl FnMut(KeyAt) -> bool,
) -> Option<bool> {
    if spec.key_rule.is_some() {
        return None;
    }
    let mut all = true;
    by_specs(spec, words, Wanted::Keys, |key| all = all && look(key)).ok()?;
    Some(all)
}

/// Whether any request of this command can have keys, shard channels aside.
pub(crate) fn has_keys(spec: &Spec) -> bool {
    spec.keys.iter().any(|spec| !spec.flags.has(key::NOT_KEY))
}

fn by_specs<W: Words + ?Sized>(
    spec: &Spec,
    words: &W,
    wanted: Wanted,
    mut tell: impl FnMut(KeyAt),
) -> Result<(), Malformed> {
    for spec in spec.keys {
        if spec.flags.has(key::NOT_KEY) && wanted == Wanted::Keys {
            continue;
        }
        // An absent keyword means that the option was not used.
        let Some(begin) = begin(spec, words)? else {
            continue;
        };
        let (first, last, step) = find(spec, words, begin).ok_or(Malformed)?;
        if last < first || last >= words.count() {
            return Err(Malformed);
        }
        for index in (first..=last).step_by(step) {
            let flags = spec.flags;
            tell(KeyAt { index, flags });
        }
    }
    Ok(())
}

/// The request does not have the form its key specs ask for.
struct Malformed;

/// Where the keys of a spec begin, if there are any.
fn begin<W: Words + ?Sized>(spec: &KeySpec, words: &W) -> Result<Option<usize>, Malformed> {
    match spec.begin {
        Begin::Index(index) => Ok(Some(index)),
        Begin::Keyword { word, from } => {
            let count = words.count();
            let is_keyword = |&index: &usize| is_word(words.word(index), word.as_bytes());
            // The last word cannot be the keyword, nothing would follow it; and looking backwards, neither can the
            // first argument.
            let at = if from > 0 {
                (from as usize..count.saturating_sub(1)).find(is_keyword)
            } else {
                let end = count.saturating_sub(from.unsigned_abs() as usize);
                (2..=end).rev().find(is_keyword)
            };
            Ok(at.map(|index| index + 1))
        }
        Begin::Unknown => Err(Malformed),
    }
}

/// First key, last key and step of a spec whose keys begin at `begin`.
fn find<W: Words + ?Sized>(
    spec: &KeySpec,
    words: &W,
    begin: usize,
) -> Option<(usize, usize, usize)> {
    match spec.find {
        Find::Range { last, step, limit } => {
            let last = last as isize;
            let from = if last >= 0 {
                begin
            } else if limit == 0 {
                words.count()
            } else {
                begin + words.count().checked_sub(begin)? / limit as usize
            };
            Some((begin, from.checked_add_signed(last)?, step as usize))
        }
        Find::Keynum { at, first, step } => {
            let (at, first, step) = (begin + at as usize, begin + first as usize, step as usize);
            let count = (at < words.count()).then(|| words.word(at))?;
            let count = parse_count(count)?;
            let last = count.checked_sub(1)?.checked_mul(step)?;
            Some((first, first.checked_add(last)?, step))
        }
        Find::Unknown => None,
    }
}

/// A count of keys as the handlers accept it: plain digits, no sign, no leading zero. Anything with more than nine
/// digits is more than a request can hold.
fn parse_count(text: &[u8]) -> Option<usize> {
    let is_plain =
        text.iter().all(u8::is_ascii_digit) && (text.len() == 1 || text.first() != Some(&b'0'));
    if !is_plain || text.is_empty() || text.len() > 9 {
        return None;
    }
    Some(
        text.iter()
            .fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0')),
    )
}

/// The keys behind a count that is no canonical number. Redis reads it once more, as C's `atoi` does, with what the
/// command was before it had key specs: it knows nothing of flags, and names a destination last.
fn loosely_counted_keys<W: Words + ?Sized>(spec: &Spec, words: &W, found: &mut Vec<KeyAt>) {
    let flags = KeyFlags::of(&[]);
    for counted in spec.keys {
        let (Begin::Index(begin), Find::Keynum { at, first, step }) = (counted.begin, counted.find)
        else {
            continue;
        };
        let (at, first, step) = (begin + at as usize, begin + first as usize, step as usize);
        let (Some(left), true) = (words.count().checked_sub(first), at < words.count()) else {
            return;
        };
        let count = usize::try_from(leading_i32(words.word(at))).unwrap_or(0);
        if (1..=left / step).contains(&count) {
            let keys = (0..count).map(|number| first + number * step);
            found.extend(keys.map(|index| KeyAt { index, flags }));
            let destinations =
                spec.keys
                    .iter()
                    .filter_map(|other| match (other.begin, other.find) {
                        (Begin::Index(index), Find::Range { .. }) => Some(KeyAt { index, flags }),
                        _ => None,
                    });
            found.extend(destinations);
        }
    }
}

fn read(index: usize) -> KeyAt {
    let flags = KeyFlags::of(&[key::RO, key::ACCESS]);
    KeyAt { index, flags }
}

fn overwritten(index: usize) -> KeyAt {
    let flags = KeyFlags::of(&[key::OW, key::UPDATE]);
    KeyAt { index, flags }
}

fn read_and_updated(index: usize) -> KeyAt {
    let flags = KeyFlags::of(&[key::RW, key::ACCESS, key::UPDATE]);
    KeyAt { index, flags }
}

/// The key of SET, and what happens to it.
#[inline]
pub(crate) fn set_key<W: Words + ?Sized>(words: &W) -> KeyAt {
    let mut options = 3..words.count();
    if options.any(|index| is_word(words.word(index), b"get")) {
        read_and_updated(1)
    } else {
        overwritten(1)
    }
}

/// Read-only as long as every operation is a complete GET; an operation that cannot be understood counts as a write.
fn bitfield_key<W: Words + ?Sized>(words: &W) -> KeyAt {
    let mut index = 2;
    while index < words.count() {
        let word = words.word(index);
        let more = words.count() - index - 1;
        if is_word(word, b"get") && more >= 2 {
            index += 3;
        } else if is_word(word, b"overflow") && more >= 1 {
            index += 2;
        } else {
            return read_and_updated(1);
        }
    }
    read(1)
}

fn sort_keys<W: Words + ?Sized>(words: &W, found: &mut Vec<KeyAt>) {
    found.push(read(1));
    let mut destination = None;
    let mut index = 2;
    while index < words.count() {
        let word = words.word(index);
        if is_word(word, b"limit") {
            index += 2;
        } else if is_word(word, b"get") || is_word(word, b"by") {
            index += 1;
        } else if is_word(word, b"store") && index + 1 < words.count() {
            destination = Some(index + 1);
        }
        index += 1;
    }
    found.extend(destination.map(overwritten));
}

fn migrate_keys<W: Words + ?Sized>(words: &W, found: &mut Vec<KeyAt>) {
    let flags = KeyFlags::of(&[key::RW, key::ACCESS, key::DELETE]);
    let mut keys = 3..4;
    let mut index = 6;
    // KEYS as the last word lists nothing and is taken for something else.
    while index + 1 < words.count() {
        let word = words.word(index);
        if is_word(word, b"keys") {
            // With a key in both places the request is refused.
            let is_list = words.word(3).is_empty();
            keys = index + 1..if is_list { words.count() } else { 0 };
            break;
        }
        if is_word(word, b"auth") {
            index += 1;
        } else if is_word(word, b"auth2") {
            index += 2;
        }
        index += 1;
    }
    found.extend(keys.map(|index| KeyAt { index, flags }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{self, Spec};

    fn named(words: &[&[u8]]) -> &'static Spec {
        let lower = |word: &[u8]| String::from_utf8_lossy(word).to_ascii_lowercase();
        let name = lower(words[0]);
        let spec = spec::all().find(|spec| spec.name == name).expect(&name);
        words
            .get(1)
            .and_then(|word| spec.subcommand(word))
            .unwrap_or(spec)
    }

    /// The keys of a request written with single spaces, as `GETKEYSANDFLAGS` lists them: `key:flag:flag`.
    fn keys(request: &str, wanted: Wanted) -> String {
        let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
        let mut found = Vec::new();
        extract(named(&words), words.as_slice(), wanted, &mut found);
        let shown = found.iter().map(|found| {
            let key = String::from_utf8_lossy(words[found.index]);
            found
                .flags
                .names()
                .fold(key.into_owned(), |text, flag| text + ":" + flag)
        });
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn reads_requests_as_redis_does() {
        let table = [
            ("SET k v", "k:OW:update"),
            ("SET k v GET", "k:RW:access:update"),
            ("SET k v get ex 5", "k:RW:access:update"),
            ("SET k get", "k:OW:update"),
            ("SET GET GET GET", "GET:RW:access:update"),
            ("BITFIELD k", "k:RO:access"),
            ("BITFIELD k get u8 0", "k:RO:access"),
            ("BITFIELD k get u8 0 set u8 0 1", "k:RW:access:update"),
            ("BITFIELD k overflow wrap get u8 1", "k:RO:access"),
            ("BITFIELD k foo", "k:RW:access:update"),
            ("BITFIELD k get u8", "k:RW:access:update"),
            ("SORT k", "k:RO:access"),
            ("SORT k BY x* GET y* STORE d", "k:RO:access d:OW:update"),
            ("SORT k STORE a STORE b", "k:RO:access b:OW:update"),
            ("SORT k GET STORE x", "k:RO:access"),
            ("SORT k LIMIT STORE a", "k:RO:access"),
            ("SORT k STORE", "k:RO:access"),
            ("SORT_RO k STORE x", "k:RO:access"),
            ("MIGRATE h 1 k 0 10", "k:RW:access:delete"),
            ("MIGRATE h 1 k 0 10 KEYS a b", ""),
            (
                "MIGRATE h 1  0 10 KEYS a b",
                "a:RW:access:delete b:RW:access:delete",
            ),
            ("MIGRATE h 1  0 10 AUTH KEYS KEYS a", "a:RW:access:delete"),
            (
                "MIGRATE h 1  0 10 AUTH2 KEYS KEYS KEYS a",
                "a:RW:access:delete",
            ),
            ("MIGRATE h 1 k 0 10 KEYS", "k:RW:access:delete"),
            ("EVAL x 0", ""),
            ("EVAL x 1 a b", "a:RW:access:update"),
            ("EVAL x 2 a", ""),
            ("EVAL x -1 a b", ""),
            ("EVAL x y a", ""),
            ("EVAL x 9223372036854775807 a", ""),
            ("GEORADIUS k 1 2 3 m STORE d", "k:RO:access d:OW:update"),
            ("GEORADIUS k 1 2 3 m STORE", "k:RO:access"),
            (
                "GEORADIUS k 1 2 3 m STORE a STORE b",
                "k:RO:access a:OW:update",
            ),
            (
                "GEORADIUS k 1 2 3 m storedist d store e",
                "k:RO:access e:OW:update d:OW:update",
            ),
            (
                "GEORADIUSBYMEMBER k STORE 2 3 m STORE d",
                "k:RO:access d:OW:update",
            ),
            ("GEORADIUS_RO k 1 2 3 m STORE x", "k:RO:access"),
            ("XREAD STREAMS a 0", "a:RO:access"),
            ("XREAD STREAMS a b 0", "a:RO:access"),
            ("XREAD COUNT 1 STREAMS a b 0 0", "a:RO:access b:RO:access"),
            (
                "XREAD COUNT STREAMS STREAMS a b 0 0",
                "STREAMS:RO:access a:RO:access",
            ),
            ("XREAD a b STREAMS", ""),
            ("XREADGROUP GROUP g c STREAMS a >", "a:RO:access"),
            ("XREADGROUP GROUP STREAMS c STREAMS a >", "a:RO:access"),
            ("XREADGROUP STREAMS a b c d e", ""),
            ("ZUNIONSTORE d 2 a b", "d:OW:update a:RO:access b:RO:access"),
            ("ZUNIONSTORE d 3 a b", ""),
            ("ZUNIONSTORE d 0 a b", ""),
            ("ZUNION 2 a b", "a:RO:access b:RO:access"),
            ("ZUNION 2 a", ""),
            (
                "BLMPOP 0 2 a b LEFT",
                "a:RW:access:delete b:RW:access:delete",
            ),
            ("LMPOP 1 a LEFT", "a:RW:access:delete"),
            ("SINTERCARD 2 a b", "a:RO:access b:RO:access"),
            ("FCALL f 1 a", "a:RW:access:update"),
            ("MSET a b c d", "a:OW:update c:OW:update"),
            ("MSET a b c", "a:OW:update c:OW:update"),
            ("OBJECT ENCODING k", "k:RO"),
            ("MEMORY USAGE k", "k:RO"),
            ("XGROUP CREATE k g 0", "k:RW:insert"),
            ("DEL a b c", "a:RM:delete b:RM:delete c:RM:delete"),
            ("BLPOP a b 0", "a:RW:access:delete b:RW:access:delete"),
            ("BITOP AND d a b", "d:OW:update a:RO:access b:RO:access"),
            ("COPY a b", "a:RO:access b:OW:update"),
            ("RENAME a b", "a:RW:access:delete b:OW:update"),
            ("PFCOUNT a", "a:RW:access"),
            ("PFMERGE d", ""),
            ("PFMERGE d a", "d:RW:access:insert a:RO:access"),
            ("SMOVE a b m", "a:RW:access:delete b:RW:insert"),
            ("ZRANGESTORE a b 0 1", "a:OW:update b:RO:access"),
            ("WATCH a b", "a:RO b:RO"),
            ("PFDEBUG todense k", "k:RW:access"),
            ("RESTORE a 0 x", "a:OW:update"),
            ("PUBLISH a b", ""),
        ];
        for (request, expected) in table {
            assert_eq!(keys(request, Wanted::Keys), expected, "{request}");
        }
    }

    #[test]
    fn shard_channels_count_as_keys_only_when_asked_for() {
        let both = Wanted::KeysAndShardChannels;
        assert_eq!(keys("SPUBLISH c m", Wanted::Keys), "");
        assert_eq!(keys("SPUBLISH c m", both), "c:not_key");
        assert_eq!(keys("SSUBSCRIBE a b", both), "a:not_key b:not_key");
        assert_eq!(keys("GET a", both), "a:RO:access");
    }

    #[test]
    fn what_was_found_before_stays() {
        let words: [&[u8]; 4] = [b"zunionstore", b"d", b"9", b"a"];
        let mut found = vec![read(7)];
        extract(named(&words), &words[..], Wanted::Keys, &mut found);
        assert_eq!(found, [read(7)]);
    }
}
