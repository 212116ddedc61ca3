//! From text to paths.

use super::Step;
use super::filter::{Compare, Expr, Term};
use crate::types::json::pack::Number;

/// How deep brackets, negations and filters may be in each other.
const NESTING_MAX: usize = 48;
/// How deep filters may be in filters. Each may begin at the root, so the stack grows with their product with the
/// document's depth.
const FILTERS_MAX: usize = 8;

/// Understands a path that begins with `$`; the error is a sentence.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Step>, Vec<u8>> {
    let mut parser = Parser {
        text,
        at: 0,
        nesting: 0,
        filters: 0,
    };
    parser.query().map_err(|expected| {
        let at = parser.at.min(text.len());
        let mut message = format!("Error occurred on position {at}, \"").into_bytes();
        message.extend_from_slice(&text[..at]);
        if at == text.len() {
            message.extend_from_slice(b" <<<<----");
        } else {
            message.extend_from_slice(b" ---->>>> ");
            message.extend_from_slice(&text[at..]);
        }
        message.extend_from_slice(format!("\", expected {expected}.").as_bytes());
        message
    })
}

/// What would have been right.
type Expected = &'static str;

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    nesting: usize,
    filters: usize,
}

impl Parser<'_> {
    fn query(&mut self) -> Result<Vec<Step>, Expected> {
        if !self.take(b"$") {
            return Err("'$'");
        }
        let steps = self.steps(false)?;
        self.blanks();
        if self.at < self.text.len() {
            return Err("one of the following: '.', '..', '['");
        }
        Ok(steps)
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

    /// The parts of a path. Behind `@` and `$` of a filter the first may be a bare name.
    fn steps(&mut self, may_be_bare: bool) -> Result<Vec<Step>, Expected> {
        let mut steps = Vec::new();
        if may_be_bare {
            if let Some(name) = self.literal() {
                steps.push(Step::Fields(vec![name]));
            } else if self.take(b"*") {
                steps.push(Step::All);
            }
        }
        loop {
            if self.sign(b"..") {
                steps.push(Step::Descend);
                self.blanks();
                steps.push(self.behind_dots()?);
            } else if self.sign(b".") {
                self.blanks();
                steps.push(self.behind_dots()?);
            } else if self.sign(b"[") {
                steps.push(self.bracket()?);
            } else {
                return Ok(steps);
            }
        }
    }

    fn behind_dots(&mut self) -> Result<Step, Expected> {
        if self.take(b"*") {
            Ok(Step::All)
        } else if let Some(name) = self.literal() {
            Ok(Step::Fields(vec![name]))
        } else if self.sign(b"[") {
            self.bracket()
        } else {
            Err("one of the following: <string>, '*', '['")
        }
    }

    /// A name without quotes.
    fn literal(&mut self) -> Option<Vec<u8>> {
        let is_part = |byte: &u8| {
            byte.is_ascii_alphanumeric() || b"-_`~+#%$^/:".contains(byte) || !byte.is_ascii()
        };
        let rest = &self.text[self.at..];
        let len = rest.iter().take_while(|byte| is_part(byte)).count();
        self.at += len;
        (len > 0).then(|| rest[..len].to_vec())
    }

    /// What is in brackets, and the closing one.
    fn bracket(&mut self) -> Result<Step, Expected> {
        self.blanks();
        let step = match self.peek() {
            Some(b'*') => {
                self.at += 1;
                Step::All
            }
            Some(b'"' | b'\'') => {
                let mut names = vec![self.quoted()?];
                while self.sign(b",") {
                    self.blanks();
                    names.push(self.quoted()?);
                }
                Step::Fields(names)
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

    fn filter(&mut self) -> Result<Step, Expected> {
        self.filters += 1;
        if self.filters > FILTERS_MAX {
            return Err("fewer filters in each other");
        }
        let expr = self.any_of()?;
        self.filters -= 1;
        Ok(Step::Filter(expr))
    }

    /// A text in quotes of either kind.
    fn quoted(&mut self) -> Result<Vec<u8>, Expected> {
        let Some(quote @ (b'"' | b'\'')) = self.peek() else {
            return Err("a string");
        };
        self.at += 1;
        let mut text = Vec::new();
        loop {
            match self.peek() {
                None => return Err("a closing quote"),
                Some(b'\\') => {
                    let next = self.text.get(self.at + 1).copied();
                    match next {
                        Some(next) if next == quote || next == b'\\' => text.push(next),
                        _ => return Err("a quote or a backslash behind the backslash"),
                    }
                    self.at += 2;
                }
                Some(byte) => {
                    self.at += 1;
                    if byte == quote {
                        return Ok(text);
                    }
                    text.push(byte);
                }
            }
        }
    }

    fn numbers(&mut self) -> Result<Step, Expected> {
        let wanted = "one of the following: '<number>[,<number>,...]', ['start:end:steps'], '*', \
                      '<string>[,<string>,...]', '[?(filter_expression)]'";
        let start = self.index()?;
        if self.sign(b":") {
            return self.range(start);
        }
        let mut numbers = vec![start.ok_or(wanted)?];
        while self.sign(b",") {
            self.blanks();
            numbers.push(self.index()?.ok_or("'<number>'")?);
        }
        Ok(Step::Elements(numbers))
    }

    fn range(&mut self, start: Option<i64>) -> Result<Step, Expected> {
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
        Ok(Step::Range { start, end, step })
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
    fn any_of(&mut self) -> Result<Expr, Expected> {
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
    fn all_of(&mut self) -> Result<Expr, Expected> {
        let mut parts = vec![self.one()?];
        while self.sign(b"&&") {
            parts.push(self.one()?);
        }
        Ok(match parts.pop() {
            Some(only) if parts.is_empty() => only,
            last => Expr::All(parts.into_iter().chain(last).collect()),
        })
    }

    fn one(&mut self) -> Result<Expr, Expected> {
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

    fn comparison(&mut self) -> Result<Expr, Expected> {
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

    fn term(&mut self) -> Result<Term, Expected> {
        const WORDS: &[(&[u8], Term)] = &[
            (b"true", Term::Bool(true)),
            (b"false", Term::Bool(false)),
            (b"null", Term::Null),
        ];
        match self.peek() {
            Some(b'@') => {
                self.at += 1;
                Ok(Term::Current(self.steps(true)?))
            }
            Some(b'$') => {
                self.at += 1;
                Ok(Term::Root(self.steps(true)?))
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

    fn decimal(&mut self) -> Result<Term, Expected> {
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
