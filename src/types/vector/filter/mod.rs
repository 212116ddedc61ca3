//! The expressions of VSIM's FILTER: which elements are wanted, by their attributes.
//!
//! `.year >= 1980 and .genre in ["action", "drama"]`: fields of the JSON object that an element has, numbers, texts,
//! lists, and operators as in other languages. An expression is cut into tokens (`lex`) and put in the order in which
//! it is worked out (`program`), so neither needs to call itself, however deeply parentheses are nested. Attributes are
//! read where they lie, and only the fields that the expression names (`json`).
//!
//! An element whose attributes lack a field, or are no JSON, is not wanted; nothing that is in them is an error.

mod json;
mod lex;
mod program;
#[cfg(test)]
mod tests;

use program::Step;

/// An expression that can be asked.
#[derive(Debug)]
pub(crate) struct Filter {
    steps: Vec<Step>,
}

/// Where an expression ceases to make sense, as an offset in its text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Nonsense(pub(crate) usize);

/// What an expression computes with.
#[derive(Clone, Debug)]
enum Datum<'j> {
    Number(f64),
    Text(std::borrow::Cow<'j, [u8]>),
    List(Vec<Datum<'j>>),
    Null,
}

/// What stands between data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Open,
    Close,
    Not,
    Power,
    Times,
    Over,
    Modulo,
    Plus,
    Minus,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    In,
    And,
    Or,
}
