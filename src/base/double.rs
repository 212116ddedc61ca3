//! Doubles as text, in the layout of scores and RESP3 doubles.

/// Reads a double as ZADD, EXPIRE-like options and configuration accept it.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (!value.is_nan()).then_some(value)
}

/// Appends the text of a score.
pub fn push_f64(out: &mut Vec<u8>, value: f64) {
    if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else {
        out.extend_from_slice(format!("{value}").as_bytes());
    }
}
