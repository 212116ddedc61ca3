//! Glob patterns as KEYS, SCAN MATCH, PSUBSCRIBE, ACL rules and CONFIG GET read them.
//!
//! ```text
//! *        any bytes, or none          ?        one byte
//! [abc]    one of these                [^abc]   one byte, none of these
//! [a-z]    a range; [z-a] is the same  \x       x itself
//! ```
//!
//! Redis's edges are kept, for scripts lean on them: a class without its bracket ends with the pattern, a backslash at
//! the very end is itself, a range compares bytes as signed numbers, an escaped byte in a class minds its case even
//! when nothing else does, and no pattern but the empty one matches the empty text (commands that take `*` for
//! "everything" look for it themselves).
//!
//! One loop, no recursion: when something behind a star fails, only the *last* star need take one byte more, because
//! an earlier star taking more could only repeat what the last one already tried. So the cost is bounded by the
//! product of the lengths, for patterns like `a*a*a*a*b` too.

/// Whether `text` as a whole matches `pattern`; with `nocase`, ASCII letters match in either case.
pub(crate) fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where to go on after the last star, and the first byte that it does not cover yet.
    let mut star: Option<(usize, usize)> = None;
    let mut stars = 0;
    while at < pattern.len() && read < text.len() {
        if pattern[at] == b'*' {
            at = skip_stars(pattern, at);
            if at == pattern.len() {
                return true;
            }
            stars += 1;
            if stars > STARS_MAX {
                return false;
            }
            let Some(candidate) = next_candidate(&pattern[at..], text, read, nocase) else {
                return false;
            };
            read = candidate;
            star = Some((at, read + 1));
            continue;
        }
        if let Some(next) = match_one(pattern, at, text[read], nocase) {
            (at, read) = (next, read + 1);
            if read == text.len() {
                at = skip_stars(pattern, at);
            }
            if at < pattern.len() && read < text.len() {
                continue;
            }
            if at == pattern.len() && read == text.len() {
                return true;
            }
        }
        // It failed here: let the last star cover one byte more.
        let Some((behind, resume)) = star else {
            return false;
        };
        let Some(candidate) = next_candidate(&pattern[behind..], text, resume, nocase) else {
            return false;
        };
        (at, read) = (behind, candidate);
        star = Some((behind, candidate + 1));
    }
    at == pattern.len() && read == text.len()
}

/// How many bytes at the beginning of a pattern stand for themselves.
pub(crate) fn literal_len(pattern: &[u8]) -> usize {
    let special = pattern.iter().position(|byte| b"*?[\\".contains(byte));
    special.unwrap_or(pattern.len())
}

fn skip_stars(pattern: &[u8], from: usize) -> usize {
    let stars = pattern[from..].iter().take_while(|&&byte| byte == b'*');
    from + stars.count()
}

/// The first place from `from` on where `rest`, what follows a star, might begin to match. Long texts are searched for
/// an ordinary first byte at the speed of memory.
fn next_candidate(rest: &[u8], text: &[u8], from: usize, nocase: bool) -> Option<usize> {
    match rest[0] {
        _ if from >= text.len() => None,
        b'?' | b'[' | b'\\' => Some(from),
        _ if nocase => Some(from),
        literal => memchr::memchr(literal, &text[from..]).map(|offset| from + offset),
    }
}

/// Whether the element of `pattern` that begins at `at` matches this byte, and where the next one begins.
#[inline]
fn match_one(pattern: &[u8], at: usize, byte: u8, nocase: bool) -> Option<usize> {
    let literal = match pattern[at] {
        b'?' => return Some(at + 1),
        b'[' => return match_class(pattern, at + 1, byte, nocase),
        b'\\' if at + 1 < pattern.len() => at + 1,
        _ => at,
    };
    same(pattern[literal], byte, nocase).then_some(literal + 1)
}

/// The same for a class, whose `[` lies before `at`.
fn match_class(pattern: &[u8], mut at: usize, byte: u8, nocase: bool) -> Option<usize> {
    let inverted = pattern.get(at) == Some(&b'^');
    at += usize::from(inverted);
    let mut found = false;
    loop {
        match pattern[at..] {
            [] => break,
            [b'\\', escaped, ..] => {
                found |= escaped == byte;
                at += 2;
            }
            [b']', ..] => {
                at += 1;
                break;
            }
            [first, b'-', last, ..] => {
                found |= in_range(first, last, byte, nocase);
                at += 3;
            }
            [one, ..] => {
                found |= same(one, byte, nocase);
                at += 1;
            }
        }
    }
    (found != inverted).then_some(at)
}

fn in_range(first: u8, last: u8, byte: u8, nocase: bool) -> bool {
    let (low, high) = if (first as i8) <= last as i8 {
        (first, last)
    } else {
        (last, first)
    };
    let [low, high, byte] = [low, high, byte].map(|byte| {
        if nocase {
            byte.to_ascii_lowercase() as i8
        } else {
            byte as i8
        }
    });
    low <= byte && byte <= high
}

#[inline]
fn same(one: u8, other: u8, nocase: bool) -> bool {
    one == other || (nocase && one.eq_ignore_ascii_case(&other))
}

/// Redis gives up on a pattern at its thousandth star; here it is only kept for the same answer.
const STARS_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rng::Rng;

    /// The definition, tried in every way: exponential, but plain.
    fn model(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
        fn go(pattern: &[u8], at: usize, text: &[u8], nocase: bool) -> bool {
            if at == pattern.len() {
                return text.is_empty();
            }
            if pattern[at] == b'*' {
                return (0..=text.len()).any(|skip| go(pattern, at + 1, &text[skip..], nocase));
            }
            let Some((&byte, rest)) = text.split_first() else {
                return false;
            };
            match_one(pattern, at, byte, nocase).is_some_and(|next| go(pattern, next, rest, nocase))
        }
        if text.is_empty() {
            return pattern.is_empty();
        }
        go(pattern, 0, text, nocase)
    }

    #[test]
    fn plain_cases() {
        let yes: &[(&str, &str)] = &[
            ("", ""),
            ("a", "a"),
            ("*", "a"),
            ("?*", "ab"),
            ("*?*", "a"),
            ("a**", "a"),
            ("a*c*e", "abcde"),
            ("a*c*e", "ace"),
            ("h[ae]llo", "hello"),
            ("h[^e]llo", "hallo"),
            ("h[b-a]llo", "hbllo"),
            ("\\*", "*"),
            ("\\", "\\"),
            ("\\\\", "\\"),
            ("[\\]]", "]"),
            ("[\\", "\\"),
            ("[^", "x"),
            ("[^]", "x"),
            ("[a", "a"),
            ("[a-", "a"),
            ("[a-", "-"),
            ("[[]", "["),
            ("[-a]", "-"),
            ("news.*", "news.sport"),
        ];
        for (pattern, text) in yes {
            assert!(
                matches(pattern.as_bytes(), text.as_bytes(), false),
                "{pattern} {text}"
            );
        }
        let no: &[(&str, &str)] = &[
            ("", "a"),
            ("*", ""),
            ("**", ""),
            ("a", ""),
            ("?", "ab"),
            ("[", "["),
            ("[]", "]"),
            ("[\\]", "\\"),
            ("h[^e]llo", "hello"),
            ("a*c", "abcd"),
            ("A", "a"),
            ("[a-]", "]x"),
        ];
        for (pattern, text) in no {
            assert!(
                !matches(pattern.as_bytes(), text.as_bytes(), false),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn case_is_folded_except_where_escaped_in_a_class() {
        assert!(matches(b"MaxMem*", b"maxmemory", true));
        assert!(matches(b"[A-C]x", b"bX", true));
        assert!(matches(b"\\A", b"a", true));
        assert!(!matches(b"[\\A]", b"a", true));
    }

    #[test]
    fn ranges_compare_signed_bytes() {
        // 0xff is -1, so this range is -1..=97 and holds no byte from 128 to 254.
        assert!(matches(b"[a-\xff]", b"A", false));
        assert!(matches(b"[a-\xff]", b"\xff", false));
        assert!(!matches(b"[a-\xff]", b"b", false));
        assert!(!matches(b"[a-\xff]", b"\x80", false));
    }

    #[test]
    fn agrees_with_the_definition() {
        let mut rng = Rng::from_seed(1);
        for _ in 0..200_000 {
            let mut draw = |alphabet: &[u8], most: u64| -> Vec<u8> {
                let len = rng.below(most);
                (0..len)
                    .map(|_| alphabet[rng.index(alphabet.len())])
                    .collect()
            };
            let pattern = draw(b"aabbAB**?[]^-\\", 9);
            let text = draw(b"abAB-]\\", 7);
            for nocase in [false, true] {
                assert_eq!(
                    matches(&pattern, &text, nocase),
                    model(&pattern, &text, nocase),
                    "{} on {}",
                    pattern.escape_ascii(),
                    text.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn the_literal_beginning_ends_before_what_is_special() {
        let patterns = ["app:*", "app", "*", "", "a?b", "ab[c]", "\\a", "ab\\*"];
        let lens = patterns.map(|pattern| literal_len(pattern.as_bytes()));
        assert_eq!(lens, [4, 3, 0, 0, 1, 2, 0, 2]);
    }

    #[test]
    fn many_stars_stay_cheap() {
        let pattern = [b"a*".repeat(50), b"b".to_vec()].concat();
        assert!(!matches(&pattern, &b"a".repeat(50_000), false));
        // Beyond a thousand stars nothing matches.
        let pattern = [b"*a".repeat(1001), b"*".to_vec()].concat();
        assert!(!matches(&pattern, &b"a".repeat(2000), false));
        let pattern = [b"*a".repeat(1000), b"*".to_vec()].concat();
        assert!(matches(&pattern, &b"a".repeat(2000), false));
    }
}
