//! An expression in the order in which it is worked out: operands first, then what is done with them.
//!
//! The order is found with a stack of operators that wait for their right side, and working out takes a stack of data.
//! That there will be enough data for each operator, and one at the end, is seen when the order is made.

use std::borrow::Cow;

use super::json;
use crate::base::text::is_space;

use super::lex::{Token, tokens};
use super::{Datum, Filter, Nonsense, Operator};
use crate::base::double;

/// One step of an expression.
#[derive(Debug)]
pub(super) enum Step {
    Datum(Datum<'static>),
    Field(Box<[u8]>),
    Operator(Operator),
}

impl Operator {
    /// Which of two operators comes first.
    fn rank(self) -> u8 {
        match self {
            Self::Open | Self::Close => 7,
            Self::Not => 6,
            Self::Power => 5,
            Self::Times | Self::Over | Self::Modulo => 4,
            Self::Plus | Self::Minus => 3,
            Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Equal
            | Self::NotEqual
            | Self::In => 2,
            Self::And => 1,
            Self::Or => 0,
        }
    }

    /// How many operands it takes.
    fn operands(self) -> usize {
        match self {
            Self::Open | Self::Close => 0,
            Self::Not => 1,
            _ => 2,
        }
    }
}

/// An expression while it is put in order.
#[derive(Default)]
struct Compiler {
    steps: Vec<Step>,
    waiting: Vec<Operator>,
    /// How many data there would be on the stack by now.
    depth: usize,
}

impl Compiler {
    fn take(&mut self, token: Token) -> Option<()> {
        match token {
            Token::Datum(datum) => self.operand(Step::Datum(datum)),
            Token::Field(name) => self.operand(Step::Field(name)),
            Token::Null => {}
            Token::Operator(Operator::Open) => self.waiting.push(Operator::Open),
            Token::Operator(Operator::Close) => self.close()?,
            Token::Operator(operator) => self.operator(operator)?,
        }
        Some(())
    }

    fn operand(&mut self, step: Step) {
        self.steps.push(step);
        self.depth += 1;
    }

    fn close(&mut self) -> Option<()> {
        loop {
            match self.waiting.pop()? {
                Operator::Open => return Some(()),
                operator => self.apply(operator)?,
            }
        }
    }

    fn operator(&mut self, operator: Operator) -> Option<()> {
        while let Some(&before) = self.waiting.last() {
            // Powers of powers are worked out from the right.
            let waits_too = operator == Operator::Power && before.rank() <= operator.rank();
            if before == Operator::Open || before.rank() < operator.rank() || waits_too {
                break;
            }
            self.waiting.pop();
            self.apply(before)?;
        }
        self.waiting.push(operator);
        Some(())
    }

    fn apply(&mut self, operator: Operator) -> Option<()> {
        self.depth = self.depth.checked_sub(operator.operands())? + 1;
        self.steps.push(Step::Operator(operator));
        Some(())
    }

    fn finish(mut self) -> Option<Vec<Step>> {
        while let Some(operator) = self.waiting.pop() {
            if operator == Operator::Open {
                return None;
            }
            self.apply(operator)?;
        }
        (self.depth == 1).then_some(self.steps)
    }
}

impl Filter {
    /// Text ends at its first NUL.
    pub(crate) fn new(text: &[u8]) -> Result<Self, Nonsense> {
        let mut compiler = Compiler::default();
        // Where in the text an operator misses its operands is not told, as it is not by Redis.
        for token in tokens(crate::base::text::up_to_nul(text))? {
            compiler.take(token).ok_or(Nonsense(0))?;
        }
        let steps = compiler.finish().ok_or(Nonsense(0))?;
        Ok(Self { steps })
    }

    /// Whether an element with these attributes is wanted.
    pub(crate) fn accepts(&self, attributes: &[u8]) -> bool {
        self.result(attributes).is_some_and(|datum| datum.is_true())
    }

    fn result<'j>(&'j self, attributes: &'j [u8]) -> Option<Datum<'j>> {
        let mut stack: Vec<Cow<'j, Datum<'j>>> = Vec::new();
        for step in &self.steps {
            let next = match step {
                Step::Datum(datum) => Cow::Borrowed(datum),
                Step::Field(name) => Cow::Owned(json::field(attributes, name)?),
                Step::Operator(operator) => {
                    let right = stack.pop()?;
                    let left = match operator.operands() {
                        2 => stack.pop()?,
                        _ => Cow::Owned(Datum::Null),
                    };
                    Cow::Owned(Datum::Number(operator.apply(&left, &right)))
                }
            };
            stack.push(next);
        }
        stack.pop().map(Cow::into_owned)
    }
}

impl Operator {
    fn apply(self, left: &Datum<'_>, right: &Datum<'_>) -> f64 {
        let (one, other) = (left.number(), right.number());
        let truth = |is_true: bool| f64::from(u8::from(is_true));
        match self {
            Self::Open | Self::Close => 0.0,
            Self::Not => truth(!right.is_true()),
            Self::Power => one.powf(other),
            Self::Times => one * other,
            Self::Over => one / other,
            Self::Modulo => one % other,
            Self::Plus => one + other,
            Self::Minus => one - other,
            Self::Greater => truth(one > other),
            Self::GreaterOrEqual => truth(one >= other),
            Self::Less => truth(one < other),
            Self::LessOrEqual => truth(one <= other),
            Self::Equal => truth(left.equals(right)),
            Self::NotEqual => truth(!left.equals(right)),
            Self::In => match right {
                Datum::List(items) => truth(items.iter().any(|item| left.equals(item))),
                _ => 0.0,
            },
            Self::And => truth(left.is_true() && right.is_true()),
            Self::Or => truth(left.is_true() || right.is_true()),
        }
    }
}

impl Datum<'_> {
    /// As a number: a text that is one counts as one, everything else is 0.
    fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => number_of(text).unwrap_or(0.0),
            Self::List(_) | Self::Null => 0.0,
        }
    }

    fn is_true(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(_) => true,
            Self::Null => false,
        }
    }

    fn equals(&self, other: &Datum<'_>) -> bool {
        match (self, other) {
            (Self::Text(one), Datum::Text(other)) => one == other,
            (Self::Number(one), Datum::Number(other)) => one == other,
            (Self::Null, Datum::Null) => true,
            (Self::Null, _) | (_, Datum::Null) => false,
            (one, other) => one.number() == other.number(),
        }
    }
}

/// The number that a whole text is, with spaces before it or not.
fn number_of(text: &[u8]) -> Option<f64> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let start = text.iter().position(|byte| !is_space(*byte))?;
    let text = &text[start..];
    let plain = || std::str::from_utf8(text).ok()?.parse().ok();
    double::parse_f64(text).or_else(plain)
}

/// The longest text that is tried as a number.
const TEXT_BYTES_MAX: usize = 255;
