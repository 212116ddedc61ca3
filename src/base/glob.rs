//! Glob patterns as KEYS, SCAN MATCH, PSUBSCRIBE, ACL rules and CONFIG GET read them.

/// Whether `text` as a whole matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let mut hopeless = false;
    matches_from(pattern, text, nocase, &mut hopeless, 0)
}

fn matches_from(_p: &[u8], _t: &[u8], _nocase: bool, _hopeless: &mut bool, _depth: usize) -> bool {
    false
}
