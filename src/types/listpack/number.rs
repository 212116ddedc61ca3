//! Stand-in until `base::num` is here.

#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] => return (!negative).then_some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {}
        _ => return None,
    }
    let mut value: u64 = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    if negative {
        (value <= 1 << 63).then_some((value as i64).wrapping_neg())
    } else {
        i64::try_from(value).ok()
    }
}

pub fn format_i64(value: i64, space: &mut [u8; 20]) -> &[u8] {
    let mut at = 20;
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        space[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        at -= 1;
        space[at] = b'-';
    }
    &space[at..]
}

pub fn digits_len(value: i64) -> usize {
    format_i64(value, &mut [0; 20]).len()
}
