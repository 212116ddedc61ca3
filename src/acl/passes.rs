//! What lets nearly every request of a confined user through.
//!
//! `permission` has the whole question, and walks through selectors and patterns for it. Here the same selectors are
//! laid out for the common answer, yes: for each command and each database a bit for each selector that allows it, and
//! all patterns of keys in one tree. One walk down that tree says which selectors grant a key.
//!
//! ```text
//! ~app:user:* ~app:order:* (~news:*)
//!
//!    app:     news:     a node holds at most eight bytes, so that one comparison of words does for it;
//!    /   \      *       what goes on behind it begins with different bytes, so at most one node can fit
//! user:  order:
//!   *      *            what is behind the literal bytes of a pattern: nothing, a star, or more, which is for `glob`
//! ```
//!
//! Who is not let through here is not denied: there is the long way, which also says why. It decides about commands
//! with channels, about those that name databases or need some first argument, and about selectors beyond the eighth.
//!
//! Invariant: what passes here is not denied there. It is made when the user's first request is asked about, and thrown
//! away when the user changes.

use crate::base::glob;
use crate::spec::flags::key;
use crate::spec::keys::{self, Words};
use crate::spec::{Begin, Channels, Databases, Find, KeyRule, KeySpec, Spec};

use super::commands;
use super::rights::Rights;
use super::selector::Selector;
use super::user::User;

/// What a command asks of a user, as far as its row alone can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To do this to its first key, which is the only one.
    Key(Rights),
    /// The same, but what is done is for the other words to say, as with SET.
    Set,
    /// The keys that its specs tell, which may be none.
    Keys,
    /// More than that, or something else.
    Else,
}

impl Reach {
    pub(crate) fn of(spec: &Spec) -> Self {
        if spec.channels != Channels::None || spec.databases != Databases::Current {
            return Self::Else;
        }
        let is_one = |spec: &KeySpec| {
            let stands_alone = matches!(spec.find, Find::Range { last: 0, .. });
            matches!(spec.begin, Begin::Index(_)) && stands_alone && !spec.flags.has(key::NOT_KEY)
        };
        match (spec.key_rule, spec.keys) {
            (Some(KeyRule::Set), _) => Self::Set,
            (Some(_), _) => Self::Else,
            (None, [only]) if is_one(only) => Self::Key(Rights::needed(only.flags)),
            (None, _) => Self::Keys,
        }
    }
}

/// Some of the selectors of a user: a bit for each.
type Selectors = u8;

/// The selectors of one user, laid out.
#[derive(Debug)]
pub(crate) struct Passes {
    /// Who allows a command, by its number.
    commands: Box<[Selectors]>,
    /// Who allows a database: those up to the last that a rule names, and the others.
    databases: Vec<Selectors>,
    others: Selectors,
    tree: Behind,
}

/// The nodes behind a node, or at the beginning.
#[derive(Debug)]
enum Behind {
    Nothing,
    One(Box<Node>),
    /// They begin with different bytes. The table says which of them can be the one, by the first byte of a key; it
    /// need not fit.
    Some(Box<[u8; 256]>, Box<[Node]>),
}

/// Up to eight literal bytes, behind those of the nodes above. Rules see to it that no pattern holds a zero byte, so
/// the zeros that stand for what a key does not have fit nowhere.
#[derive(Debug)]
struct Node {
    /// The bytes, the first of them highest, and which bits of the word they are.
    word: u64,
    mask: u64,
    behind: Behind,
    /// How many bytes of a key that fits here are known then.
    len: u32,
    /// Who grants all keys that fit here.
    star: Granted,
    /// Who grants some of them.
    rests: Box<[Rest]>,
}

/// Patterns of one text that are literal up to a node, and then neither end nor have just a star.
#[derive(Debug)]
struct Rest {
    text: Box<[u8]>,
    granted: Granted,
}

/// Who grants keys, by what is to be done to them: a byte for each of the four rights.
#[derive(Clone, Copy, Debug, Default)]
struct Granted(u32);

impl Passes {
    pub(super) fn of(user: &User) -> Self {
        let selectors: Vec<(Selectors, &Selector)> =
            BITS.into_iter().zip(user.selectors()).collect();
        let who = |allows: &dyn Fn(&Selector) -> bool| {
            (selectors.iter()).fold(
                0,
                |who, (bit, one)| if allows(one) { who | bit } else { who },
            )
        };
        let named = selectors
            .iter()
            .flat_map(|(_, one)| one.databases.iter().flatten());
        let databases = named.filter(|db| **db < DATABASES_MAX).max();
        let databases = 0..databases.map_or(0, |db| db + 1);
        let patterns = selectors.iter().flat_map(|(bit, one)| {
            let all = one.all_keys.then_some((b"*".as_slice(), Rights::BOTH));
            let some = one
                .keys
                .iter()
                .map(|key| (key.pattern.as_slice(), key.rights));
            all.into_iter().chain(some).map(|(text, rights)| Pattern {
                text,
                literal: glob::literal_len(text),
                rights,
                selector: *bit,
            })
        });
        let mut patterns: Vec<Pattern<'_>> = patterns.collect();
        patterns.sort_by_key(|pattern| (pattern.head(), pattern.text));
        Self {
            commands: commands::all()
                .map(|row| who(&|one| one.commands.has(row.number)))
                .collect(),
            databases: databases
                .map(|db| who(&|one| one.databases.as_ref().is_none_or(|all| all.contains(&db))))
                .collect(),
            others: who(&|one| one.databases.is_none()),
            // No pattern but the empty one matches the empty key, not even a star: the long way knows.
            tree: if patterns.first().is_some_and(|first| first.literal == 0) {
                Behind::One(Box::new(Node::with(0, 0, &patterns)))
            } else {
                Behind::of(0, &patterns)
            },
        }
    }

    /// Whether a request is allowed for certain.
    #[expect(
        clippy::inline_always,
        reason = "the way of every request of a confined user, and few call it"
    )]
    #[inline(always)]
    pub(crate) fn let_through<W: Words + ?Sized>(
        &self,
        (spec, number, reach): (&'static Spec, u16, Reach),
        words: &W,
        first_key: Option<&[u8]>,
        db: u16,
    ) -> bool {
        let Some(command) = self.commands.get(usize::from(number)) else {
            return false;
        };
        let wanted = command & self.databases.get(usize::from(db)).unwrap_or(&self.others);
        let rights = match reach {
            Reach::Key(rights) => rights,
            Reach::Set => Rights::needed(keys::set_key(words).flags),
            Reach::Keys => return self.grant_all(spec, words, wanted),
            Reach::Else => return false,
        };
        first_key.is_some_and(|key| self.granting::<true>(key, rights, wanted) != 0)
    }

    /// Whether one of the selectors grants all keys of a request.
    #[inline(never)]
    fn grant_all<W: Words + ?Sized>(&self, spec: &Spec, words: &W, wanted: Selectors) -> bool {
        let mut left = wanted;
        let told = keys::all_by_specs(spec, words, |key| {
            let rights = Rights::needed(key.flags);
            left = self.granting::<false>(words.word(key.index), rights, left);
            left != 0
        });
        told.is_some() && left != 0
    }

    /// Which of the selectors grant these rights to a key, or `ANY` of those that do. What is rare is left to another
    /// function, so that this one calls none.
    #[inline(never)]
    fn granting<const ANY: bool>(
        &self,
        key: &[u8],
        rights: Rights,
        wanted: Selectors,
    ) -> Selectors {
        let (mut found, mut at, mut behind) = (0, 0, &self.tree);
        loop {
            let Some(word) = quick_word(key, at) else {
                return self.granting_somehow(key, rights) & wanted;
            };
            let Some(node) = behind.fitting(word) else {
                return found;
            };
            found |= node.star.to(rights) & wanted;
            if if ANY { found != 0 } else { found == wanted } {
                return found;
            }
            if !node.rests.is_empty() {
                return self.granting_somehow(key, rights) & wanted;
            }
            (at, behind) = (node.len as usize, &node.behind);
        }
    }

    /// All who grant these rights to a key.
    #[cold]
    fn granting_somehow(&self, key: &[u8], rights: Rights) -> Selectors {
        let (mut found, mut at, mut behind) = (0, 0, &self.tree);
        while !key.is_empty()
            && let Some(node) = behind.fitting(word_at(key, at))
        {
            let rests = node.rests.iter();
            let matching = rests.filter(|rest| glob::matches(&rest.text, key, false));
            found = matching.fold(found, |who, rest| who | rest.granted.to(rights));
            found |= node.star.to(rights);
            (at, behind) = (node.len as usize, &node.behind);
        }
        found
    }
}

impl Behind {
    /// For patterns with more literal bytes than `len`, in the order of those.
    fn of(len: usize, patterns: &[Pattern<'_>]) -> Self {
        let families = patterns.chunk_by(|one, other| one.text[len] == other.text[len]);
        let mut by_byte = Box::new([0; 256]);
        for (at, family) in families.clone().enumerate() {
            by_byte[usize::from(family[0].text[len])] = at as u8;
        }
        let mut nodes: Vec<Node> = families.map(|family| Node::below(len, family)).collect();
        match (nodes.len(), nodes.pop()) {
            (1, Some(only)) => Self::One(Box::new(only)),
            (_, Some(last)) => {
                nodes.push(last);
                Self::Some(by_byte, nodes.into())
            }
            (_, None) => Self::Nothing,
        }
    }

    /// The node where a key goes on that has this word here.
    #[inline]
    fn fitting(&self, word: u64) -> Option<&Node> {
        let node = match self {
            Self::Nothing => return None,
            Self::One(node) => node,
            Self::Some(by_byte, nodes) => nodes.get(usize::from(by_byte[(word >> 56) as usize]))?,
        };
        ((node.word ^ word) & node.mask == 0).then_some(node)
    }
}

impl Node {
    /// A node with the `count` bytes behind `from` that all these patterns have there. They are in the order of their
    /// literal bytes.
    fn with(from: usize, count: usize, patterns: &[Pattern<'_>]) -> Self {
        let len = from + count;
        let bytes = patterns
            .first()
            .map_or(0, |pattern| word_at(pattern.text, from));
        let mask = !u64::MAX.checked_shr(8 * count as u32).unwrap_or(0);
        let ending = patterns.partition_point(|pattern| pattern.literal == len);
        let (ending, longer) = patterns.split_at(ending);
        let (stars, ending): (Vec<_>, _) = (ending.chunk_by(|one, other| one.text == other.text))
            .partition(|same| same[0].text.split_at(len).1 == b"*");
        let rests = ending.into_iter().map(|same| Rest {
            text: same[0].text.into(),
            granted: Granted::by(same),
        });
        Self {
            word: bytes & mask,
            mask,
            behind: Behind::of(len, longer),
            len: len as u32,
            star: stars
                .first()
                .map_or_else(Granted::default, |same| Granted::by(same)),
            rests: rests.collect(),
        }
    }

    /// A child of a node of that length, for patterns which agree in one more byte at least.
    fn below(len: usize, family: &[Pattern<'_>]) -> Self {
        let heads = [family.first(), family.last()];
        let [first, last] = heads.map(|one| one.map_or(&[][..], |one| &one.head()[len..]));
        // What the first and the last have in common, all have.
        let same = first
            .iter()
            .zip(last)
            .take_while(|(one, other)| one == other);
        Self::with(len, same.count().min(size_of::<u64>()), family)
    }
}

impl Granted {
    /// By one pattern of these selectors.
    fn by(same: &[Pattern<'_>]) -> Self {
        Self(u32::from_le_bytes(Rights::all().map(|needed| {
            let granting = same.iter().filter(|pattern| pattern.rights.include(needed));
            granting.fold(0, |who, pattern| who | pattern.selector)
        })))
    }

    #[inline]
    fn to(self, rights: Rights) -> Selectors {
        (self.0 >> (8 * rights.index())) as Selectors
    }
}

/// A pattern of a selector, while the tree is built.
struct Pattern<'a> {
    text: &'a [u8],
    /// How many bytes at its beginning stand for themselves.
    literal: usize,
    rights: Rights,
    selector: Selectors,
}

impl<'a> Pattern<'a> {
    fn head(&self) -> &'a [u8] {
        &self.text[..self.literal]
    }
}

/// Eight bytes of a text, the first of them highest; zeros behind its end.
fn word_at(text: &[u8], at: usize) -> u64 {
    quick_word(text, at).unwrap_or_else(|| {
        let rest = text.get(at..).unwrap_or_default();
        (rest.iter().rev()).fold(0, |word, byte| word >> 8 | u64::from(*byte) << 56)
    })
}

/// The same, if the text has eight bytes.
#[inline]
fn quick_word(text: &[u8], at: usize) -> Option<u64> {
    let last = text.last_chunk()?;
    if let Some(bytes) = text.get(at..)?.first_chunk() {
        return Some(u64::from_be_bytes(*bytes));
    }
    let known = 8 * (at + size_of::<u64>() - text.len()) as u32;
    Some(u64::from_be_bytes(*last).checked_shl(known).unwrap_or(0))
}

/// One for each selector that is laid out.
const BITS: [Selectors; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

/// Databases with higher numbers are confined by the long way.
const DATABASES_MAX: u32 = 1024;

#[cfg(test)]
mod tests;
