//! From text to paths.

use std::borrow::Cow;

use super::filter::{Compare, Expr, Term};
use super::{Range, Step, Steps};
use crate::types::json::pack::Number;

/// How deep brackets, negations and filters may be in each other.
const NESTING_MAX: usize = 48;
/// How deep filters may be in filters. Each may begin at the root, so the stack grows with their product with the
/// document's depth.
const FILTERS_MAX: usize = 8;

/// Where a path was not understood, in bytes of what was given, and what would have been right there.
#[derive(Debug)]
pub(super) struct Fault {
    at: usize,
    /// How many bytes its text has in front of what was given.
    shift: usize,
    expected: Expected,
}

/// Understands a path. One of the older form is read as if `$.` stood in front of it, or `$` if it begins with a dot.
pub(super) fn parse<'a>(
    given: &'a [u8],
    is_legacy: bool,
    steps: &mut Steps<'a>,
) -> Result<(), Fault> {
    let mut parser = Parser {
        text: given,
        at: usize::from(!is_legacy),
        nesting: 0,
        filters: 0,
    };
    let has_dot = given.first() == Some(&b'.');
    parser
        .query(is_legacy && !has_dot, steps)
        .map_err(|expected| Fault {
            at: parser.at,
            shift: usize::from(is_legacy) + usize::from(is_legacy && !has_dot),
            expected,
        })
}

impl Fault {
    /// The sentence, which quotes the whole text of the path.
    pub(super) fn told(&self, text: &[u8]) -> Vec<u8> {
        let at = (self.at + self.shift).min(text.len());
        let mut message = format!("Error occurred on position {at}, \"").into_bytes();
        message.extend_from_slice(&text[..at]);
        if at == text.len() {
            message.extend_from_slice(b" <<<<----");
        } else {
            message.extend_from_slice(b" ---->>>> ");
            message.extend_from_slice(&text[at..]);
        }
        message.extend_from_slice(format!("\", expected {}.", self.expected).as_bytes());
        message
    }
}

/// What would have been right.
type Expected = &'static str;

/// What names are made of that stand without quotes.
static IS_LITERAL: [bool; 256] = {
    let mut is_literal = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        is_literal[byte] = match byte as u8 {
            b'-' | b'_' | b'`' | b'~' | b'+' | b'#' | b'%' | b'$' | b'^' | b'/' | b':' => true,
            other => other.is_ascii_alphanumeric() || !other.is_ascii(),
        };
        byte += 1;
    }
    is_literal
};

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    nesting: usize,
    filters: usize,
}

impl<'a> Parser<'a> {
    /// All behind the `$`, be it written or not; a dot may be missing likewise.
    fn query(&mut self, lacks_dot: bool, steps: &mut Steps<'a>) -> Result<(), Expected> {
        if lacks_dot {
            self.blanks();
            steps.push(self.behind_dots()?);
        }
        self.go_on(steps)?;
        self.blanks();
        if self.at < self.text.len() {
            return Err("one of the following: '.', '..', '['");
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn take(&mut self, sign: &[u8]) -> bool {
        let is_there = self.text[self.at..].starts_with(sign);
        if is_there {
            self.at += sign.len();
        }
        is_there
    }

    /// A sign after blanks.
    fn sign(&mut self, sign: &[u8]) -> bool {
        let before = self.at;
        self.blanks();
        let is_there = self.take(sign);
        if !is_there {
            self.at = before;
        }
        is_there
    }

    /// The parts of a path in a filter, behind `@` or `$`. The first may be a bare name.
    fn steps(&mut self) -> Result<Steps<'a>, Expected> {
        let mut steps = Steps::new();
        if let Some(name) = self.literal() {
            steps.push(Step::Field(name));
        } else if self.take(b"*") {
            steps.push(Step::All);
        }
        self.go_on(&mut steps)?;
        Ok(steps)
    }

    fn go_on(&mut self, steps: &mut Steps<'a>) -> Result<(), Expected> {
        loop {
            let before = self.at;
            self.blanks();
            match self.peek() {
                Some(b'.') => {
                    self.at += 1;
                    if self.peek() == Some(b'.') {
                        self.at += 1;
                        steps.push(Step::Descend);
                    }
                    self.blanks();
                    steps.push(self.behind_dots()?);
                }
                Some(b'[') => {
                    self.at += 1;
                    steps.push(self.bracket()?);
                }
                _ => {
                    self.at = before;
                    return Ok(());
                }
            }
        }
    }

    fn behind_dots(&mut self) -> Result<Step<'a>, Expected> {
        if let Some(name) = self.literal() {
            Ok(Step::Field(name))
        } else if self.take(b"*") {
            Ok(Step::All)
        } else if self.sign(b"[") {
            self.bracket()
        } else {
            Err("one of the following: <string>, '*', '['")
        }
    }

    /// A name without quotes.
    fn literal(&mut self) -> Option<&'a [u8]> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &&u8| IS_LITERAL[usize::from(**byte)];
        let len = rest.iter().take_while(is_part).count();
        self.at += len;
        (len > 0).then(|| &rest[..len])
    }

    /// What is in brackets, and the closing one.
    fn bracket(&mut self) -> Result<Step<'a>, Expected> {
        self.blanks();
        let step = match self.peek() {
            Some(b'*') => {
                self.at += 1;
                Step::All
            }
            Some(b'"' | b'\'') => {
                let name = self.quoted()?;
                let is_only = !self.sign(b",");
                if is_only && let Cow::Borrowed(name) = name {
                    Step::Field(name)
                } else {
                    let mut names = vec![name];
                    let mut has_more = !is_only;
                    while has_more {
                        self.blanks();
                        names.push(self.quoted()?);
                        has_more = self.sign(b",");
                    }
                    Step::Fields(names)
                }
            }
            Some(b'?') => {
                self.at += 1;
                self.filter()?
            }
            _ => self.numbers()?,
        };
        if self.sign(b"]") {
            Ok(step)
        } else {
            self.blanks();
            Err("']'")
        }
    }

    fn filter(&mut self) -> Result<Step<'a>, Expected> {
        self.filters += 1;
        if self.filters > FILTERS_MAX {
            return Err("fewer filters in each other");
        }
        let expr = self.any_of()?;
        self.filters -= 1;
        Ok(Step::Filter(Box::new(expr)))
    }

    /// A text in quotes of either kind.
    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, Expected> {
        let Some(quote @ (b'"' | b'\'')) = self.peek() else {
            return Err("a string");
        };
        self.at += 1;
        let start = self.at;
        let mut text = Cow::Borrowed(&[][..]);
        loop {
            match self.peek() {
                None => return Err("a closing quote"),
                Some(b'\\') => {
                    let next = self.text.get(self.at + 1).copied();
                    let next = next.filter(|next| *next == quote || *next == b'\\');
                    let next = next.ok_or("a quote or a backslash behind the backslash")?;
                    text.to_mut().push(next);
                    self.at += 2;
                }
                Some(byte) => {
                    self.at += 1;
                    if byte == quote {
                        return Ok(text);
                    }
                    match &mut text {
                        Cow::Owned(text) => text.push(byte),
                        Cow::Borrowed(plain) => *plain = &self.text[start..self.at],
                    }
                }
            }
        }
    }

    fn numbers(&mut self) -> Result<Step<'a>, Expected> {
        let wanted = "one of the following: '<number>[,<number>,...]', ['start:end:steps'], '*', \
                      '<string>[,<string>,...]', '[?(filter_expression)]'";
        let start = self.index()?;
        if self.sign(b":") {
            return self.range(start);
        }
        let first = start.ok_or(wanted)?;
        if !self.sign(b",") {
            return Ok(Step::Element(first));
        }
        let mut numbers = vec![first];
        loop {
            self.blanks();
            numbers.push(self.index()?.ok_or("'<number>'")?);
            if !self.sign(b",") {
                return Ok(Step::Elements(numbers.into()));
            }
        }
    }

    fn range(&mut self, start: Option<i64>) -> Result<Step<'a>, Expected> {
        self.blanks();
        let end = self.index()?;
        let mut step = 1;
        if self.sign(b":") {
            self.blanks();
            if let Some(number) = self.index()? {
                step = usize::try_from(number).unwrap_or(0);
            }
        }
        if step == 0 {
            return Err("a step above zero");
        }
        Ok(Step::Range(Box::new(Range { start, end, step })))
    }

    fn index(&mut self) -> Result<Option<i64>, Expected> {
        let rest = &self.text[self.at..];
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest[sign..].iter().take_while(|byte| byte.is_ascii_digit());
        let len = sign + digits.count();
        if len == sign {
            return if sign == 0 {
                Ok(None)
            } else {
                Err("'<number>'")
            };
        }
        let number = str::from_utf8(&rest[..len]).unwrap_or_default().parse();
        self.at += len;
        number
            .map(Some)
            .map_err(|_| "a number that is not so large")
    }

    /// `a || b`
    fn any_of(&mut self) -> Result<Expr<'a>, Expected> {
        let mut parts = vec![self.all_of()?];
        while self.sign(b"||") {
            parts.push(self.all_of()?);
        }
        Ok(match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => Expr::Any(parts.into_iter().chain(last).collect()),
        })
    }

    /// `a && b`
    fn all_of(&mut self) -> Result<Expr<'a>, Expected> {
        let mut parts = vec![self.one()?];
        while self.sign(b"&&") {
            parts.push(self.one()?);
        }
        Ok(match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => Expr::All(parts.into_iter().chain(last).collect()),
        })
    }

    fn one(&mut self) -> Result<Expr<'a>, Expected> {
        self.nesting += 1;
        if self.nesting > NESTING_MAX {
            return Err("fewer brackets in each other");
        }
        self.blanks();
        let expr = if self.peek() == Some(b'!') {
            self.at += 1;
            Expr::Not(Box::new(self.one()?))
        } else if self.take(b"(") {
            let inner = self.any_of()?;
            if !self.sign(b")") {
                self.blanks();
                return Err("')'");
            }
            inner
        } else {
            self.comparison()?
        };
        self.nesting -= 1;
        Ok(expr)
    }

    fn comparison(&mut self) -> Result<Expr<'a>, Expected> {
        const SIGNS: &[(&[u8], Compare)] = &[
            (b">=", Compare::AtLeast),
            (b"<=", Compare::AtMost),
            (b"==", Compare::Equal),
            (b"!=", Compare::NotEqual),
            (b"=~", Compare::Matches),
            (b">", Compare::More),
            (b"<", Compare::Less),
        ];
        let left = self.term()?;
        self.blanks();
        let Some((_, compare)) = SIGNS.iter().find(|(sign, _)| self.take(sign)) else {
            return Ok(Expr::Test(left));
        };
        self.blanks();
        let right = self.term()?;
        Ok(Expr::compare(left, *compare, right))
    }

    fn term(&mut self) -> Result<Term<'a>, Expected> {
        const WORDS: &[(&[u8], Term<'_>)] = &[
            (b"true", Term::Bool(true)),
            (b"false", Term::Bool(false)),
            (b"null", Term::Null),
        ];
        match self.peek() {
            Some(b'@') => {
                self.at += 1;
                Ok(Term::Current(self.steps()?.into_vec()))
            }
            Some(b'$') => {
                self.at += 1;
                Ok(Term::Root(self.steps()?.into_vec()))
            }
            Some(b'"' | b'\'') => Ok(Term::Text(self.quoted()?)),
            Some(b'-' | b'0'..=b'9') => self.decimal(),
            _ => {
                let found = WORDS.iter().find(|(word, _)| self.take(word));
                match found {
                    Some((_, Term::Bool(is_true))) => Ok(Term::Bool(*is_true)),
                    Some(_) => Ok(Term::Null),
                    None => Err(
                        "one of the following: '@', '$', <number>, <string>, true, false, null, '('",
                    ),
                }
            }
        }
    }

    fn decimal(&mut self) -> Result<Term<'a>, Expected> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.iter().take_while(is_part).count();
        let text = str::from_utf8(&rest[..len]).unwrap_or_default();
        let number = match text.parse() {
            Ok(number) => Number::Int(number),
            Err(_) => Number::Double(text.parse().map_err(|_| "a number")?),
        };
        self.at += len;
        Ok(Term::Number(number))
    }
}
