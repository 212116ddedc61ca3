//! From the text of an expression to its tokens.
//!
//! Text ends at its first NUL. Letters are those of ASCII.

use crate::base::text::is_space;

use super::{Datum, Nonsense, Operator};

/// One word of an expression.
#[derive(Debug)]
pub(super) enum Token {
    Datum(Datum<'static>),
    /// The name of a field.
    Field(Box<[u8]>),
    Operator(Operator),
    /// The word `null`, which stands for nothing.
    Null,
}

/// How operators are written. Of two that fit, the longer one is meant.
const OPERATORS: &[(&[u8], Operator)] = &[
    (b"(", Operator::Open),
    (b")", Operator::Close),
    (b"!", Operator::Not),
    (b"not", Operator::Not),
    (b"**", Operator::Power),
    (b"*", Operator::Times),
    (b"/", Operator::Over),
    (b"%", Operator::Modulo),
    (b"+", Operator::Plus),
    (b"-", Operator::Minus),
    (b">", Operator::Greater),
    (b">=", Operator::GreaterOrEqual),
    (b"<", Operator::Less),
    (b"<=", Operator::LessOrEqual),
    (b"==", Operator::Equal),
    (b"!=", Operator::NotEqual),
    (b"in", Operator::In),
    (b"and", Operator::And),
    (b"&&", Operator::And),
    (b"or", Operator::Or),
    (b"||", Operator::Or),
];

/// The longest number, in digits and whatever else belongs to it.
const NUMBER_BYTES_MAX: usize = 254;

pub(super) fn tokens(text: &[u8]) -> Result<Vec<Token>, Nonsense> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_spaces();
        let Some(first) = lexer.peek() else {
            return Ok(tokens);
        };
        let token = lexer.token(first, tokens.last());
        tokens.push(token.ok_or(Nonsense(lexer.at))?);
    }
}

struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn second(&self) -> Option<u8> {
        self.text.get(self.at + 1).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn token(&mut self, first: u8, last: Option<&Token>) -> Option<Token> {
        // After a value a minus subtracts; elsewhere it belongs to the number that follows.
        let may_be_negative = match last {
            None => true,
            Some(Token::Operator(operator)) => *operator != Operator::Close,
            Some(_) => false,
        };
        let is_negative = may_be_negative
            && first == b'-'
            && self.second().is_some_and(|byte| byte.is_ascii_digit());
        match first {
            b'0'..=b'9' => self.number(),
            b'-' if is_negative => self.number(),
            b'"' | b'\'' => self.string(first),
            // A dot at the very end is a field without a name.
            b'.' if self.second().is_none_or(is_of_field) => Some(self.field()),
            b'[' => self.list(),
            byte if is_of_operator(byte) => return self.operator(),
            _ => return None,
        }
        .map(Token::from)
    }

    fn number(&mut self) -> Option<Part> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            let is_sign = byte == b'-' && self.at == start;
            if !(byte.is_ascii_digit() || b".eE".contains(&byte) || is_sign) {
                break;
            }
            if self.at - start > NUMBER_BYTES_MAX {
                return None;
            }
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.text[start..self.at]).ok()?;
        text.parse()
            .ok()
            .map(|number| Part::Datum(Datum::Number(number)))
    }

    /// What stands between two quotation marks, escapes and all: a backslash only keeps the mark behind it from ending
    /// the text.
    fn string(&mut self, quote: u8) -> Option<Part> {
        self.at += 1;
        let start = self.at;
        while let Some(byte) = self.peek() {
            if byte == b'\\' && self.second().is_some() {
                self.at += 2;
                continue;
            }
            self.at += 1;
            if byte == quote {
                let text = self.text[start..self.at - 1].to_vec();
                return Some(Part::Datum(Datum::Text(text.into())));
            }
        }
        None
    }

    fn field(&mut self) -> Part {
        self.at += 1;
        let start = self.at;
        while self.peek().is_some_and(is_of_field) {
            self.at += 1;
        }
        Part::Field(self.text[start..self.at].into())
    }

    /// Numbers and texts between brackets. A comma may follow the last.
    fn list(&mut self) -> Option<Part> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_spaces();
            let item = match self.peek()? {
                b']' => break,
                b'0'..=b'9' | b'-' => self.number(),
                quote @ (b'"' | b'\'') => self.string(quote),
                _ => None,
            };
            let Part::Datum(item) = item? else {
                return None;
            };
            items.push(item);
            self.skip_spaces();
            match self.peek()? {
                b']' => break,
                b',' => self.at += 1,
                _ => return None,
            }
        }
        self.at += 1;
        Some(Part::Datum(Datum::List(items)))
    }

    fn operator(&mut self) -> Option<Token> {
        let rest = &self.text[self.at..];
        let ends = |len: usize| !rest.get(len).copied().is_some_and(is_of_operator);
        if rest.starts_with(b"null") && ends(4) {
            self.at += 4;
            return Some(Token::Null);
        }
        let meant = OPERATORS
            .iter()
            .filter(|(name, _)| rest.starts_with(name))
            .max_by_key(|(name, _)| name.len());
        let Some((name, operator)) = meant else {
            // Whoever is told where the nonsense is, is told what follows it.
            self.at += rest
                .iter()
                .take_while(|byte| is_of_operator(**byte))
                .count();
            return None;
        };
        self.at += name.len();
        Some(Token::Operator(*operator))
    }
}

/// A token that is no operator.
enum Part {
    Datum(Datum<'static>),
    Field(Box<[u8]>),
}

impl From<Part> for Token {
    fn from(part: Part) -> Self {
        match part {
            Part::Datum(datum) => Self::Datum(datum),
            Part::Field(name) => Self::Field(name),
        }
    }
}

fn is_of_field(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-".contains(&byte)
}

fn is_of_operator(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || b"+-*%/!()<>=|&".contains(&byte)
}
