//! Which databases a request reaches, and whether a selector lets it.
//!
//! `db=0,1` confines a selector to databases. The rule is Valkey's, and so is what follows from it: databases are asked
//! about before the command is, and their denial says the least, so that every other one is told in its place. A word
//! that is no database stands in nobody's way, since the command itself refuses it.

use crate::base::num::parse_i64;
use crate::base::text::is_word;
use crate::spec::flags::category;
use crate::spec::keys::{self, Words};
use crate::spec::{Databases, Spec};

use super::permission::Asked;
use super::rules::Misrule;
use super::selector::Selector;

impl Selector {
    /// The word that names a database which the selector does not allow; 0 where no word does. None if all are allowed.
    pub(super) fn denied_database<W: Words + ?Sized>(&self, asked: &Asked<'_, W>) -> Option<usize> {
        let allowed = self.databases.as_deref()?;
        let allows = |db: u32| allowed.binary_search(&db).is_ok();
        let spec = asked.spec;
        if spec.databases == Databases::All {
            return (!(0..asked.place.count).all(allows)).then_some(0);
        }
        let named = named_databases(asked).unwrap_or_default();
        let denied = named.into_iter().find(|(_, db)| !allows(*db));
        let is_confined = match spec.databases {
            Databases::Current => has_to_do_with_keys(spec),
            _ => keys::has_keys(spec),
        };
        let denied = denied.map(|(at, _)| at);
        denied.or_else(|| (is_confined && !allows(asked.place.db.into())).then_some(0))
    }

    /// `db=0,1`
    pub(super) fn apply_databases(&mut self, list: &[u8]) -> Result<(), Misrule> {
        let mut databases = Vec::new();
        for word in list.split(|byte| *byte == b',') {
            let digits = word.strip_prefix(b"-").unwrap_or(word);
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return Err(Misrule::Syntax);
            }
            let number = std::str::from_utf8(word)
                .ok()
                .and_then(|word| word.parse::<i32>().ok());
            let number = number.and_then(|number| u32::try_from(number).ok());
            databases.push(number.ok_or(Misrule::NoSuchDatabase)?);
        }
        databases.sort_unstable();
        databases.dedup();
        self.databases = Some(databases);
        Ok(())
    }

    /// The rule about databases, `db=0,1`; empty where there are none that may be reached.
    pub(crate) fn databases_text(&self) -> Vec<u8> {
        let numbers = match self.databases.as_deref() {
            None => return b"alldbs".to_vec(),
            Some([]) => return Vec::new(),
            Some(databases) => databases.iter().map(u32::to_string),
        };
        format!("db={}", numbers.collect::<Vec<_>>().join(",")).into_bytes()
    }

    pub(crate) fn names_databases(&self) -> bool {
        self.databases.is_some()
    }
}

/// The words that name databases, and which they name. None if one of them is no database.
fn named_databases<W: Words + ?Sized>(asked: &Asked<'_, W>) -> Option<Vec<(usize, u32)>> {
    let words = asked.words;
    let places = match asked.spec.databases {
        Databases::Current | Databases::All => return None,
        Databases::Entered => vec![1],
        Databases::Named(places) => places.to_vec(),
        Databases::Options => behind_options(words)?,
    };
    let named = places.into_iter().map(|at| {
        let word = (at < words.count()).then(|| words.word(at))?;
        Some((at, database(word, asked.place.count)?))
    });
    named.collect()
}

/// The words behind each DB, as COPY reads its options.
fn behind_options<W: Words + ?Sized>(words: &W) -> Option<Vec<usize>> {
    let mut places = Vec::new();
    let mut at = 3;
    while at < words.count() {
        if is_word(words.word(at), b"db") && at + 1 < words.count() {
            at += 1;
            places.push(at);
        } else if !is_word(words.word(at), b"replace") {
            return None;
        }
        at += 1;
    }
    Some(places)
}

/// The database of that number, if there are so many.
pub(crate) fn database(word: &[u8], count: u32) -> Option<u32> {
    let number = u32::try_from(parse_i64(word)?).ok()?;
    (number < count).then_some(number)
}

fn has_to_do_with_keys(spec: &Spec) -> bool {
    let categories = spec.categories();
    keys::has_keys(spec)
        || [category::KEYSPACE, category::READ, category::WRITE]
            .iter()
            .any(|category| categories.has(*category))
}
