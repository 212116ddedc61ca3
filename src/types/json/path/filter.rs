//! What a filter asks of a value.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};

use super::Step;
use super::walk::Walker;
use crate::types::json::pack::{Atom, Number};
use crate::types::json::tree::{View, are_equal};

#[derive(Debug)]
pub(crate) enum Expr<'p> {
    Any(Vec<Self>),
    All(Vec<Self>),
    Not(Box<Self>),
    /// There is such a value.
    Test(Term<'p>),
    Compare(Term<'p>, Compare, Term<'p>),
    /// A pattern that stands in the path is read once; `None` if it is none.
    Pattern(Term<'p>, Option<Box<Regex>>),
}

#[derive(Debug)]
pub(crate) enum Term<'p> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'p, [u8]>),
    /// From the value that is asked about.
    Current(Vec<Step<'p>>),
    Root(Vec<Step<'p>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
    Matches,
}

/// A pattern that takes more memory than this is none.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// A side of a comparison.
enum Operand<'a> {
    Atom(Atom<'a>),
    View(View<'a>),
    /// There is no such value, or more than one.
    Nothing,
}

impl<'p> Expr<'p> {
    pub(super) fn compare(left: Term<'p>, compare: Compare, right: Term<'p>) -> Self {
        match (compare, right) {
            (Compare::Matches, Term::Text(text)) => {
                Self::Pattern(left, pattern(&text).map(Box::new))
            }
            (compare, right) => Self::Compare(left, compare, right),
        }
    }

    pub(super) fn holds<'d>(&'d self, walker: &mut Walker<'d, '_>, view: View<'d>) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(walker, view)),
            Self::All(parts) => parts.iter().all(|part| part.holds(walker, view)),
            Self::Not(part) => !part.holds(walker, view),
            Self::Test(term) => !matches!(term.operand(walker, view), Operand::Nothing),
            Self::Pattern(term, pattern) => {
                let text = term.operand(walker, view).text();
                text.zip(pattern.as_ref())
                    .is_some_and(|(text, pattern)| pattern.is_match(text))
            }
            Self::Compare(left, compare, right) => {
                let left = left.operand(walker, view);
                let right = right.operand(walker, view);
                compare.holds(walker, &left, &right)
            }
        }
    }
}

fn pattern(text: &[u8]) -> Option<Regex> {
    let text = str::from_utf8(text).ok()?;
    let mut builder = RegexBuilder::new(text);
    builder.size_limit(PATTERN_BYTES_MAX).build().ok()
}

impl Term<'_> {
    fn operand<'a>(&'a self, walker: &mut Walker<'a, '_>, view: View<'a>) -> Operand<'a> {
        match self {
            Self::Null => Operand::Atom(Atom::Null),
            Self::Bool(is_true) => Operand::Atom(Atom::Bool(*is_true)),
            Self::Number(number) => Operand::Atom(Atom::Number(*number)),
            Self::Text(text) => Operand::Atom(Atom::Text(text)),
            Self::Current(steps) => walker
                .only(steps, view)
                .map_or(Operand::Nothing, Operand::View),
            Self::Root(steps) => {
                let root = walker.root();
                walker
                    .only(steps, root)
                    .map_or(Operand::Nothing, Operand::View)
            }
        }
    }
}

impl<'a> Operand<'a> {
    fn atom(&self) -> Option<Atom<'a>> {
        match self {
            Self::Atom(atom) => Some(*atom),
            Self::View(view) => Some(view.atom()),
            Self::Nothing => None,
        }
    }

    fn text(&self) -> Option<&'a str> {
        match self.atom()? {
            Atom::Text(text) => str::from_utf8(text).ok(),
            _ => None,
        }
    }
}

impl Compare {
    fn holds(self, walker: &mut Walker<'_, '_>, left: &Operand<'_>, right: &Operand<'_>) -> bool {
        match self {
            Self::Matches => {
                let pattern = right.text().map(|text| pattern(text.as_bytes()));
                left.text()
                    .zip(pattern.flatten())
                    .is_some_and(|(text, pattern)| pattern.is_match(text))
            }
            Self::Equal => is_same(walker, left, right),
            Self::NotEqual => !is_same(walker, left, right),
            Self::Less => order(left, right) == Some(Ordering::Less),
            Self::AtMost => order(left, right).is_some_and(Ordering::is_le),
            Self::More => order(left, right) == Some(Ordering::Greater),
            Self::AtLeast => order(left, right).is_some_and(Ordering::is_ge),
        }
    }
}

fn is_same(walker: &Walker<'_, '_>, left: &Operand<'_>, right: &Operand<'_>) -> bool {
    if let (Operand::View(left), Operand::View(right)) = (left, right) {
        let names = walker.names();
        return are_equal((*left, names), (*right, names));
    }
    order(left, right) == Some(Ordering::Equal)
}

/// Values of one kind have an order; arrays and objects have none.
fn order(left: &Operand<'_>, right: &Operand<'_>) -> Option<Ordering> {
    match (left.atom()?, right.atom()?) {
        (Atom::Null, Atom::Null) => Some(Ordering::Equal),
        (Atom::Bool(left), Atom::Bool(right)) => Some(left.cmp(&right)),
        (Atom::Text(left), Atom::Text(right)) => Some(left.cmp(right)),
        (Atom::Number(Number::Int(left)), Atom::Number(Number::Int(right))) => {
            Some(left.cmp(&right))
        }
        (Atom::Number(left), Atom::Number(right)) => left.as_f64().partial_cmp(&right.as_f64()),
        _ => None,
    }
}
