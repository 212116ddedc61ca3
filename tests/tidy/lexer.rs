//! Reading Rust as text, just well enough to tell code from prose: comments and the insides of strings become spaces,
//! so that a rule about code never trips over a sentence that mentions it. Does not know macros that invent their own
//! quotes, and need not.

/// Offsets at which `word` stands alone in `code`.
pub(crate) fn words(code: &str, word: &str) -> Vec<usize> {
    let is_part = |ch: char| ch.is_alphanumeric() || ch == '_';
    code.match_indices(word)
        .map(|(offset, _)| offset)
        .filter(|&offset| {
            !code[..offset].ends_with(is_part) && !code[offset + word.len()..].starts_with(is_part)
        })
        .collect()
}

/// Where the block ends that opens at `open`, in code without prose: behind its closing brace.
pub(crate) fn body_end(code: &str, open: usize) -> usize {
    let mut depth = 0;
    for (at, letter) in code[open..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return open + at + 1;
        }
    }
    code.len()
}

/// The text with comments and the insides of strings and characters replaced by spaces. Lines stay where they are.
/// Knows nested comments, raw strings and lifetimes; does not know macros that invent their own quotes.
pub(crate) fn blank_prose(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = prose_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(
                chars[at..end]
                    .iter()
                    .map(|&ch| if ch == '\n' { '\n' } else { ' ' }),
            );
            at = end;
        }
    }
    out
}

/// Where the comment, string or character that starts at `at` ends; `at` itself when none starts there.
fn prose_end(chars: &[char], at: usize) -> usize {
    let next = |offset: usize| chars.get(at + offset).copied().unwrap_or('\0');
    let continues_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if next(1) == '/' => {
            at + chars[at..]
                .iter()
                .position(|&ch| ch == '\n')
                .unwrap_or(chars.len() - at)
        }
        '/' if next(1) == '*' => {
            let (mut depth, mut end) = (0, at);
            while end < chars.len() {
                match (chars[end], chars.get(end + 1)) {
                    ('/', Some('*')) => (depth, end) = (depth + 1, end + 2),
                    ('*', Some('/')) => (depth, end) = (depth - 1, end + 2),
                    _ => end += 1,
                }
                if depth == 0 {
                    break;
                }
            }
            end
        }
        '"' => quoted_end(chars, at + 1, '"'),
        'r' | 'b' | 'c' if !continues_word => {
            let start = at
                + chars[at..]
                    .iter()
                    .take_while(|&&ch| "rbc".contains(ch))
                    .count();
            let hashes = chars[start..].iter().take_while(|&&ch| ch == '#').count();
            let is_raw = chars[at..start].contains(&'r');
            match chars.get(start + hashes) {
                Some('"') if is_raw => {
                    let mut end = start + hashes + 1;
                    while end < chars.len() {
                        let closes = chars[end] == '"'
                            && chars[end + 1..]
                                .iter()
                                .take(hashes)
                                .filter(|&&ch| ch == '#')
                                .count()
                                == hashes;
                        end += 1;
                        if closes {
                            return end + hashes;
                        }
                    }
                    end
                }
                Some('"') if hashes == 0 && start - at == 1 => quoted_end(chars, start + 1, '"'),
                Some('\'') if hashes == 0 && chars[at] == 'b' && start - at == 1 => {
                    quoted_end(chars, start + 1, '\'')
                }
                _ => at,
            }
        }
        // A lifetime has no closing quote after one character; a character has.
        '\'' if next(1) == '\\' || next(2) == '\'' => quoted_end(chars, at + 1, '\''),
        _ => at,
    }
}

fn quoted_end(chars: &[char], mut at: usize, quote: char) -> usize {
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

#[test]
fn prose_is_blanked_and_code_is_kept() {
    let cases: [(&str, &str); 8] = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        ("f(\"x \\\" y\", z)", "f(        , z)"),
        ("f(r#\"x \" y\"#, z)", "f(          , z)"),
        ("f(b\"x\", br\"\\\", b'\\'', z)", "f(    ,      ,      , z)"),
        ("f('x', '\\'', 'a: loop {})", "f(   ,     , 'a: loop {})"),
        ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
        ("let bar = r + b;", "let bar = r + b;"),
    ];
    for (text, blanked) in cases {
        assert_eq!(blank_prose(text), blanked, "{text:?}");
    }
}
