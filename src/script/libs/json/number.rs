//! Numbers as C prints and reads them: `%.14g` one way, `strtod` the other.
//!
//! Reading takes the longest start of a text that is a number, be it decimal, hexadecimal, `inf`, `infinity` or `nan`
//! in any case, and says how long that was.

/// Appends a finite number with so many significant digits at most, or `inf`.
pub(super) fn push(out: &mut Vec<u8>, value: f64, precision: usize) {
    if value.is_infinite() {
        let text: &[u8] = if value > 0.0 { b"inf" } else { b"-inf" };
        out.extend_from_slice(text);
        return;
    }
    let scientific = format!("{value:.*e}", precision - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(mantissa) => ("-", mantissa),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let digits = digits.trim_end_matches('0');
    let text = if exponent < -4 || exponent >= precision as i32 {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{first}{point}{rest}e{sign}{:02}", exponent.abs())
    } else if exponent < 0 {
        let zeros = (-exponent - 1) as usize;
        format!("0.{:0<zeros$}{digits}", "")
    } else {
        let whole = exponent as usize + 1;
        match digits.split_at_checked(whole) {
            Some((digits, "")) => digits.to_owned(),
            Some((digits, rest)) => format!("{digits}.{rest}"),
            None => format!("{digits:0<whole$}"),
        }
    };
    out.extend_from_slice(sign.as_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// The number a text starts with and its length, which is 0 if there is none.
pub(super) fn read(text: &[u8]) -> (f64, usize) {
    let (is_negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (magnitude, len) = named(unsigned)
        .or_else(|| hexadecimal(unsigned))
        .unwrap_or_else(|| decimal(unsigned));
    if len == 0 {
        return (0.0, 0);
    }
    let sign_len = text.len() - unsigned.len();
    let value = if is_negative { -magnitude } else { magnitude };
    (value, sign_len + len)
}

fn named(text: &[u8]) -> Option<(f64, usize)> {
    let starts = |word: &[u8]| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if starts(b"infinity") {
        return Some((f64::INFINITY, 8));
    }
    if starts(b"inf") {
        return Some((f64::INFINITY, 3));
    }
    if !starts(b"nan") {
        return None;
    }
    // Between parentheses may stand what kind of nan it is.
    let detail = match text.get(3..) {
        Some([b'(', rest @ ..]) => {
            let len = rest.iter().take_while(|byte| is_word(**byte)).count();
            (rest.get(len) == Some(&b')')).then_some(len + 2)
        }
        _ => None,
    };
    Some((f64::NAN, 3 + detail.unwrap_or(0)))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn decimal(text: &[u8]) -> (f64, usize) {
    let whole = digits_len(text);
    let mut len = whole;
    if text.get(len) == Some(&b'.') {
        let fraction = digits_len(&text[len + 1..]);
        if whole + fraction > 0 {
            len += 1 + fraction;
        }
    }
    if len == 0 {
        return (0.0, 0);
    }
    len += exponent(&text[len..], b'e').map_or(0, |(_, len)| len);
    let value = std::str::from_utf8(&text[..len])
        .ok()
        .and_then(|number| number.parse().ok());
    value.map_or((0.0, 0), |value| (value, len))
}

fn digits_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The exponent behind a letter, if there is one, and its length with the letter.
fn exponent(text: &[u8], letter: u8) -> Option<(i64, usize)> {
    let (first, rest) = text.split_first()?;
    if !first.eq_ignore_ascii_case(&letter) {
        return None;
    }
    let (is_negative, digits) = match rest {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        _ => (false, rest),
    };
    let count = digits_len(digits);
    if count == 0 {
        return None;
    }
    let value = digits[..count].iter().fold(0i64, |value, digit| {
        value
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    let value = if is_negative { -value } else { value };
    Some((value, text.len() - digits.len() + count))
}

fn hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    let [b'0', b'x' | b'X', rest @ ..] = text else {
        return None;
    };
    let mut significand = 0u64;
    let mut scale = 0i64;
    let mut has_digits = false;
    let mut is_fraction = false;
    let mut len = 0;
    for byte in rest {
        if *byte == b'.' && !is_fraction {
            is_fraction = true;
            len += 1;
            continue;
        }
        let Some(digit) = char::from(*byte).to_digit(16) else {
            break;
        };
        has_digits = true;
        len += 1;
        if significand >> 60 == 0 {
            significand = significand << 4 | u64::from(digit);
        } else {
            // There is no room: only whether something follows counts for rounding.
            significand |= u64::from(digit != 0);
            scale += 4;
        }
        scale -= if is_fraction { 4 } else { 0 };
    }
    if !has_digits {
        return None;
    }
    let exponent = exponent(&rest[len..], b'p');
    len += exponent.map_or(0, |(_, len)| len);
    let power = exponent.map_or(0, |(power, _)| power);
    let value = scaled(significand as f64, scale.saturating_add(power));
    Some((value, 2 + len))
}

/// A number times a power of two, in steps that do not leave the range too early.
fn scaled(mut value: f64, power: i64) -> f64 {
    let mut power = power.clamp(-5000, 5000) as i32;
    while power != 0 {
        let step = power.clamp(-1000, 1000);
        value *= 2f64.powi(step);
        power -= step;
    }
    value
}
