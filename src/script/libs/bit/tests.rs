//! `bit` as a real server knows it.

use crate::script::trial::expect;

#[test]
fn operands_are_the_low_bits_of_any_number() {
    expect(&[
        ("bit.tobit(0xffffffff)", "ok -1"),
        (
            "bit.tobit(1.5),bit.tobit(2.5),bit.tobit(-0.5),bit.tobit(2^40+1),bit.tobit(2^53),bit.tobit(1/0),bit.tobit(0/0),bit.tobit(1e300)",
            "ok 2 2 0 1 0 0 0 -2013235812",
        ),
        (
            r#"bit.tobit("0x10"),bit.tobit("12"),bit.tobit(" 3 ")"#,
            "ok 16 12 3",
        ),
        (
            r#"bit.tobit("x")"#,
            r#"error "user_script:21: bad argument #1 to 'tobit' (number expected, got string)""#,
        ),
        (
            "bit.tobit()",
            r#"error "user_script:21: bad argument #1 to 'tobit' (number expected, got no value)""#,
        ),
        (
            "bit.tobit(nil)",
            r#"error "user_script:21: bad argument #1 to 'tobit' (number expected, got nil)""#,
        ),
        (
            "bit.band()",
            r#"error "user_script:21: bad argument #1 to 'band' (number expected, got no value)""#,
        ),
        (
            "bit.band(1,nil,true)",
            r#"error "user_script:21: bad argument #3 to 'band' (number expected, got boolean)""#,
        ),
        (
            r#"bit.band(7,3,"5"),bit.bor(1,2,4),bit.bxor(1,3,7),bit.bnot(0)"#,
            "ok 1 7 5 -1",
        ),
        (
            "bit:tobit(1)",
            r#"error "user_script:21: calling 'tobit' on bad self (number expected, got table)""#,
        ),
    ]);
}

#[test]
fn bits_move_and_print() {
    expect(&[
        (
            "bit.lshift(1,33),bit.rshift(-1,4),bit.arshift(-8,2),bit.rol(0x12345678,8),bit.ror(0x12345678,12),bit.rol(5,0),bit.bswap(0x12345678)",
            "ok 2 268435455 -2 878082066 1736516421 5 2018915346",
        ),
        (
            "bit.lshift(1)",
            r#"error "user_script:21: bad argument #2 to 'lshift' (number expected, got no value)""#,
        ),
        (
            "bit.tohex(255),bit.tohex(-1,4),bit.tohex(255,-3),bit.tohex(1,0),bit.tohex(1,100),bit.tohex(1,-2147483648)",
            r#"ok "000000ff" "ffff" "0FF" "" "00000001" "00000001""#,
        ),
        (
            "bit.tohex(1,nil)",
            r#"error "user_script:21: bad argument #2 to 'tohex' (number expected, got nil)""#,
        ),
    ]);
}
