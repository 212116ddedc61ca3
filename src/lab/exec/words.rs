//! A line as the words of a command, the way a shell splits it and no more.
//!
//! ```text
//! echo 'a b' "c \"d\"" e\ f      ->  echo | a b | c "d" | e f
//! echo $HOME *                   ->  echo | $HOME | *
//! ```
//!
//! Quotes and backslashes mean what they mean to `sh`. Nothing is expanded. Characters that a shell would act upon, so
//! that somebody surely meant it to (`;` `|` `&` `<` `>` `(` `)`, a backquote, `$(`), are refused by name rather than
//! passed on as a word; between single quotes, and after a backslash, each is a character like any other.

use std::fmt;

/// Why a line is no command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unclear {
    Quote(char),
    Operator(String),
    NotText,
}

impl fmt::Display for Unclear {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unclear::Quote(quote) => write!(out, "a {quote} is open at the end of the line"),
            Unclear::Operator(text) => write!(
                out,
                "no shell reads this line, so {text} means nothing; between single quotes it is passed on"
            ),
            Unclear::NotText => out.write_str("a line is text (UTF-8) without zero bytes"),
        }
    }
}

/// The words of a line without its end; none of an empty line.
pub(crate) fn split(line: &[u8]) -> Result<Vec<String>, Unclear> {
    let line = std::str::from_utf8(line).map_err(|_| Unclear::NotText)?;
    if line.contains('\0') {
        return Err(Unclear::NotText);
    }
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars().peekable();
    while let Some(ch) = rest.next() {
        match ch {
            ' ' | '\t' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('\'') => break,
                        Some(ch) => word.push(ch),
                        None => return Err(Unclear::Quote('\'')),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        Some('"') => break,
                        Some('\\') if rest.peek().is_some_and(|ch| "$`\"\\".contains(*ch)) => {
                            word.extend(rest.next());
                        }
                        Some('`') => return Err(Unclear::Operator("`".into())),
                        Some('$') if rest.peek() == Some(&'(') => {
                            return Err(Unclear::Operator("$(".into()));
                        }
                        Some(ch) => word.push(ch),
                        None => return Err(Unclear::Quote('"')),
                    }
                }
            }
            '\\' => match rest.next() {
                Some(ch) => word.get_or_insert_default().push(ch),
                None => return Err(Unclear::Quote('\\')),
            },
            '$' if rest.peek() == Some(&'(') => return Err(Unclear::Operator("$(".into())),
            ';' | '|' | '&' | '<' | '>' | '(' | ')' | '`' => {
                return Err(Unclear::Operator(ch.into()));
            }
            ch => word.get_or_insert_default().push(ch),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  \t ", &[]),
            ("date", &["date"]),
            ("echo  a\tb \r", &["echo", "a", "b"]),
            ("echo 'a  b'c\"d\"", &["echo", "a  bcd"]),
            (r#"echo "a \"b\" \$x \n""#, &["echo", r#"a "b" $x \n"#]),
            (r"echo a\ b \; '\'", &["echo", "a b", ";", "\\"]),
            ("echo '' \"\"", &["echo", "", ""]),
            (
                "echo $HOME * ~ {a,b} ';|&<>`$(x)'",
                &["echo", "$HOME", "*", "~", "{a,b}", ";|&<>`$(x)"],
            ),
            ("écho é", &["écho", "é"]),
        ];
        for (line, words) in cases {
            let expected = words.iter().map(ToString::to_string).collect();
            assert_eq!(split(line.as_bytes()), Ok(expected), "{line}");
        }
    }

    #[test]
    fn what_only_a_shell_could_do_is_refused() {
        for (line, operator) in [
            ("date; rm x", ";"),
            ("date|sh", "|"),
            ("date && date", "&"),
            ("date &", "&"),
            ("date > x", ">"),
            ("date < x", "<"),
            ("echo $(date)", "$("),
            ("echo \"$(date)\"", "$("),
            ("echo `date`", "`"),
            ("echo \"`date`\"", "`"),
            ("(date)", "("),
        ] {
            let refusal = Err(Unclear::Operator(operator.into()));
            assert_eq!(split(line.as_bytes()), refusal, "{line}");
        }
        assert_eq!(split(b"echo 'a"), Err(Unclear::Quote('\'')));
        assert_eq!(split(b"echo \"a"), Err(Unclear::Quote('"')));
        assert_eq!(split(b"echo \\"), Err(Unclear::Quote('\\')));
        assert_eq!(split(b"echo \xff"), Err(Unclear::NotText));
        assert_eq!(split(b"echo a\0b"), Err(Unclear::NotText));
    }
}
