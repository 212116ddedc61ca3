//! Texts of doubles, as a Redis 8.0.6 wrote and read them.

// Separators would hide that a number and its text have the same digits, and 3.14 is not meant to be pi.
#![allow(clippy::unreadable_literal, clippy::approx_constant)]

use super::*;
use crate::base::longdouble::natural::{Natural, QUOTIENT_BITS};
use crate::base::rng::Rng;

fn text(value: f64) -> String {
    let mut out = Vec::new();
    push_f64(&mut out, value);
    String::from_utf8(out).unwrap()
}

/// DEBUG DIGEST of a Redis 8.0.6 hashes these.
#[test]
fn the_shortest_text_has_exponents_for_round_numbers() {
    for (value, wanted) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (1e7, "10000000"),
        (1e8, "1e+8"),
        (-1.5e17, "-1.5e+17"),
        (123_456_789_012_345_680.0, "123456789012345680"),
        (0.1, "0.1"),
        (5e-324, "5e-324"),
        (f64::NEG_INFINITY, "-inf"),
    ] {
        let mut text = Vec::new();
        push_shortest(&mut text, value);
        assert_eq!(String::from_utf8_lossy(&text), wanted);
    }
}

/// ZADD and ZSCORE of a Redis 8.0.6 gave these.
#[test]
fn scores_look_as_they_do_in_redis() {
    let cases: &[(f64, &str)] = &[
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-1.0, "-1"),
        (3.14, "3.14"),
        (0.1, "0.1"),
        (0.30000000000000004, "0.30000000000000004"),
        (1e-5, "0.00001"),
        (1.5e-5, "0.000015"),
        (1e-6, "0.000001"),
        (1.234e-6, "1.234e-6"),
        (1e-7, "1e-7"),
        (2.5e-8, "2.5e-8"),
        (0.0001, "0.0001"),
        (0.00012345678901234567, "1.2345678901234567e-4"),
        (1e17, "100000000000000000"),
        (2f64.powi(62), "4611686018427387904"),
        (-2f64.powi(62), "-4611686018427387904"),
        (2f64.powi(62).next_up(), "4611686018427389000"),
        (5e18, "5e+18"),
        (2f64.powi(63), "9223372036854776000"),
        (-2f64.powi(63), "-9223372036854776000"),
        (1e19, "1e+19"),
        (123456789012345680000.0, "123456789012345680000"),
        (1e21, "1e+21"),
        (5e-324, "5e-324"),
        (f64::MAX, "1.7976931348623157e+308"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
        // Where a shortest-digits printer gives fewer digits or a nearer one.
        (1e23, "99999999999999990000000"),
        (8.15e21, "8150000000000001000000"),
        (7e22, "70000000000000004000000"),
        (1.2709e21, "1270899999999999900000"),
        (6.68143745672608e18, "6681437456726079000"),
        (1174537421211482.2, "1174537421211482.3"),
        (9.454282603214435e234, "9.454282603214436e+234"),
        (-5.131116597422591e-36, "-5.1311165974225907e-36"),
        (3.448886548293737e-21, "3.4488865482937366e-21"),
        (471.6928338312525, "471.69283383125253"),
        (-903.649196132339, "-903.6491961323389"),
    ];
    for (value, expected) in cases {
        assert_eq!(text(*value), *expected);
    }
}

#[test]
fn every_text_reads_back() {
    let mut rng = Rng::from_seed(1);
    for _ in 0..100_000 {
        let bits = rng.next_u64();
        let value = match rng.below(3) {
            0 => f64::from_bits(bits),
            1 => f64::from_bits(bits >> rng.below(64)),
            _ => (bits >> rng.below(64)) as f64 / 10f64.powi(rng.below(20) as i32),
        };
        if value.is_nan() {
            continue;
        }
        let text = text(value);
        assert!(text.len() <= TEXT_BYTES);
        let read = parse_f64(text.as_bytes()).unwrap();
        assert_eq!(read.to_bits(), value.to_bits(), "{text}");
        assert_eq!(parse_bound(text.as_bytes()), Some(read));
    }
}

/// ZADD of a Redis 8.0.6 took these, or did not.
#[test]
fn what_a_double_may_look_like() {
    let some: &[(&str, f64)] = &[
        ("1", 1.0),
        ("-0", -0.0),
        ("+5", 5.0),
        ("01", 1.0),
        (".5", 0.5),
        ("+.5", 0.5),
        ("5.", 5.0),
        ("1.e5", 1e5),
        ("1e00005", 1e5),
        ("-.5e-3", -0.0005),
        ("999999999999999", 999_999_999_999_999.0),
        ("1000000000000001", 1_000_000_000_000_001.0),
        ("inf", f64::INFINITY),
        ("-INF", f64::NEG_INFINITY),
        ("+Infinity", f64::INFINITY),
        ("0e99999999999999999999", 0.0),
        ("4.9e-324", 5e-324),
        ("2.4703282292062328e-324", 5e-324),
        ("1.7976931348623158e308", f64::MAX),
        ("0x10", 16.0),
        ("-0x1p3", -8.0),
        ("0X1P+3", 8.0),
        ("0x1.8", 1.5),
        ("0x.8p1", 1.0),
        ("0x1.", 1.0),
        ("0xA.8", 10.5),
        ("0x1.fffffffffffff8p0", 2.0),
        ("0x1.fffffffffffff7ffffp0", 1.9999999999999998),
        ("0x0p-999999", 0.0),
        ("0x1p1023", 8.98846567431158e307),
        ("0x1p-1074", 5e-324),
        ("0x1.8p-1075", 5e-324),
        ("0x1.fffffffffffffp-1023", f64::MIN_POSITIVE),
    ];
    for (text, value) in some {
        let parsed = parse_f64(text.as_bytes()).map(f64::to_bits);
        assert_eq!(parsed, Some(value.to_bits()), "{text}");
    }
    let none = [
        "",
        " 1",
        "1 ",
        "1\n",
        "1\0",
        "+",
        "-",
        "--1",
        "+-5",
        ".",
        "e5",
        ".e5",
        "1e",
        "1e+",
        "1e 5",
        "1e1.5",
        "1d",
        "1f",
        "1,5",
        "1_0",
        "1..5",
        "nan",
        "-nan",
        "nan(0)",
        "i",
        "infi",
        "infinityx",
        "0x",
        "0x.",
        "0x.p1",
        "0x1p",
        "0x1p-",
        "0x1g",
        "--0x1",
        ".0x1",
        "1p3",
        "0b1",
        "1e500",
        "-1e500",
        "1e-500",
        "2e-324",
        "2.4703282292062327e-324",
        "1.7976931348623159e308",
        "0x1p1024",
        "0x1.fffffffffffff8p1023",
        "0x1p-1075",
        "0x1p99999999999999999999",
        "\u{661}",
    ];
    for text in none {
        assert_eq!(parse_f64(text.as_bytes()), None, "{text}");
    }
}

/// ZRANGEBYSCORE of a Redis 8.0.6 is more lenient, and knows no hexadecimal.
#[test]
fn what_a_bound_may_look_like() {
    let some: &[(&str, f64)] = &[
        ("", 0.0),
        ("+1", 1.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("+inf", f64::INFINITY),
        ("-infinity", f64::NEG_INFINITY),
        ("1e500", f64::INFINITY),
        ("-1e500", f64::NEG_INFINITY),
        ("1e99999999999999999999", f64::INFINITY),
        ("1e-500", 0.0),
        ("0e99999", 0.0),
    ];
    for (text, value) in some {
        assert_eq!(parse_bound(text.as_bytes()), Some(*value), "{text}");
    }
    let none = [
        "0x10", " 1", "1 ", "nan", "+nan", "+", "-", ".", "e5", "1e", "+-1", "--1", "infi", "(1",
    ];
    for text in none {
        assert_eq!(parse_bound(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn powers_of_ten_are_what_they_say() {
    for index in 0..powers::COUNT {
        let decimal = powers::decimal(index);
        let mut power = Natural::from_u64(1);
        power.scale_decimal(decimal.unsigned_abs());
        // The power with more bits than needed, times a power of two.
        let (value, exponent, inexact) = if decimal >= 0 {
            let (value, shift, inexact) = power.leading();
            (value, shift as i32, inexact)
        } else {
            let shift = power.bit_len() + QUOTIENT_BITS - 2;
            let mut one = Natural::from_u64(1);
            one.shift_left(shift);
            let (quotient, inexact) = one.divide(&power);
            (quotient, -(shift as i32), inexact)
        };
        let gap = value.leading_zeros();
        let rounded = round_shift(value << gap, 64, inexact);
        assert_eq!(
            u128::from(powers::significand(index)),
            rounded,
            "10^{decimal}"
        );
        assert_eq!(powers::exponent(index), exponent + 64 - gap as i32);
    }
}
