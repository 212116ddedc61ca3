//! `struct` as a real server knows it.

use crate::script::trial::expect;

#[test]
fn values_pack_and_wrong_ones_are_named() {
    expect(&[
        (
            "struct.pack()",
            r#"error "user_script:21: bad argument #1 to 'pack' (string expected, got no value)""#,
        ),
        (
            r#"struct.pack("b")"#,
            r#"error "user_script:21: bad argument #2 to 'pack' (number expected, got nil)""#,
        ),
        (
            r#"struct.pack("s")"#,
            r#"error "user_script:21: bad argument #2 to 'pack' (string expected, got nil)""#,
        ),
        (
            r#"struct.pack("bb",1)"#,
            r#"error "user_script:21: bad argument #3 to 'pack' (number expected, got nil)""#,
        ),
        (
            r#"struct.pack("b","x")"#,
            r#"error "user_script:21: bad argument #2 to 'pack' (number expected, got string)""#,
        ),
        (
            r#"struct.pack("b",nil)"#,
            r#"error "user_script:21: bad argument #2 to 'pack' (number expected, got nil)""#,
        ),
        (
            r#"struct.pack("c5","abc")"#,
            r#"error "user_script:21: bad argument #3 to 'pack' (string too short)""#,
        ),
        (r#"struct.pack("c0s","abc","def")"#, r#"ok "abcdef<00>""#),
        (
            r#"struct.pack("c2s","abc","d\0ef")"#,
            r#"ok "abd<00>ef<00>""#,
        ),
        (
            r#"struct.pack("z",1)"#,
            r#"error "user_script:21: bad argument #1 to 'pack' (invalid format option 'z')""#,
        ),
        (
            r#"struct.pack("\200",1)"#,
            r#"error "user_script:21: bad argument #1 to 'pack' (invalid format option '<c8>')""#,
        ),
        (r#"struct.pack("b\0zz",1)"#, r#"ok "<01>""#),
        (
            r#"struct.pack("!3b",1)"#,
            r#"error "user_script:21: alignment 3 is not a power of 2""#,
        ),
        (
            r#"struct.pack("!0b",1)"#,
            r#"error "user_script:21: alignment 0 is not a power of 2""#,
        ),
        (
            r#"struct.pack("!b d",1,2)"#,
            r#"ok "<01><00><00><00><00><00><00><00><00><00><00><00><00><00><00>@""#,
        ),
        (
            r#"struct.pack("i33",1)"#,
            r#"error "user_script:21: integral size 33 is larger than limit of 32""#,
        ),
        (
            r#"struct.pack("i99999999999",1)"#,
            r#"error "user_script:21: integral size overflow""#,
        ),
        (
            r#"struct.pack("i2147483647",1)"#,
            r#"error "user_script:21: integral size 2147483647 is larger than limit of 32""#,
        ),
        (
            r#"struct.pack("i2147483648",1)"#,
            r#"error "user_script:21: integral size overflow""#,
        ),
        (
            r#"struct.pack("c4294967296",1)"#,
            r#"error "user_script:21: integral size overflow""#,
        ),
        (
            r#"struct.pack("xxx!8i5i3i7hd",1,2,3,4,5)"#,
            r#"ok "<00><00><00><00><00><00><00><01><00><00><00><00><00><00><02><00><00><00><00><00><00><00><00><03><00><00><00><00><00><00><04><00><00><00><00><00><00><00><14>@""#,
        ),
        (
            r#"struct.pack(">I2<I2=I2",1,2,3)"#,
            r#"error "user_script:21: bad argument #1 to 'pack' (invalid format option '=')""#,
        ),
        (
            r#"struct.pack("<L", 1/0),struct.pack("<L",0/0),struct.pack("<L",-1/0),struct.pack("<L",2^63),struct.pack("<L",-2^64),struct.pack("<L",2^64),struct.pack("i0",5)"#,
            r#"ok "<00><00><00><00><00><00><00><00>" "<00><00><00><00><00><00><00><80>" "<00><00><00><00><00><00><00><80>" "<00><00><00><00><00><00><00><80>" "<00><00><00><00><00><00><00><80>" "<00><00><00><00><00><00><00><00>" """#,
        ),
        (
            r#"struct.pack("b",300),struct.pack("h",-1.7),struct.pack("B",1.9)"#,
            r#"ok "," "<ff><ff>" "<01>""#,
        ),
        (
            r#"struct.pack("fd>fd",1.1,1.1,1.1,1.1)"#,
            r#"ok "<cd><cc><8c>?<9a><99><99><99><99><99><f1>??<8c><cc><cd>?<f1><99><99><99><99><99><9a>""#,
        ),
        (
            r#"struct.pack("f",1e300),struct.pack("f",0/0),struct.pack("d",0/0)"#,
            r#"ok "<00><00><80><7f>" "<00><00><c0><ff>" "<00><00><00><00><00><00><f8><ff>""#,
        ),
        (
            "struct.pack('!8i3i5i7', 1, 2, 3)",
            r#"ok "<00><00><01><00><00><02><00><00><00><00><00><00><00><00><03><00><00><00><00><00><00>""#,
        ),
        (
            "struct.pack('!2bd', 1, 0.5)",
            r#"ok "<01><00><00><00><00><00><00><00><e0>?""#,
        ),
    ]);
}

#[test]
fn bytes_unpack_and_short_ones_are_named() {
    expect(&[
        (
            "struct.unpack()",
            r#"error "user_script:21: bad argument #1 to 'unpack' (string expected, got no value)""#,
        ),
        (
            r#"struct.unpack("b")"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (string expected, got no value)""#,
        ),
        (
            r#"struct.unpack("b","")"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (data string too short)""#,
        ),
        (
            r#"struct.unpack("b","abc",0)"#,
            r#"error "user_script:21: bad argument #3 to 'unpack' (offset must be 1 or greater)""#,
        ),
        (r#"struct.unpack("b","abc",3)"#, "ok 99 4"),
        (
            r#"struct.unpack("b","abc",4)"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (data string too short)""#,
        ),
        (
            r#"struct.unpack("b","abc",-1)"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (data string too short)""#,
        ),
        (r#"struct.unpack(" ","abc",4)"#, "ok 4"),
        (
            r#"struct.unpack(" ","abc",5)"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (data string too short)""#,
        ),
        (r#"struct.unpack("","abc",5)"#, "ok 5"),
        (r#"struct.unpack("","abc",-5)"#, "ok -5"),
        (
            r#"struct.unpack("!8x","abc",-5)"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (data string too short)""#,
        ),
        (
            r#"struct.unpack("c0","abc")"#,
            r#"error "user_script:21: format 'c0' needs a previous size""#,
        ),
        (r#"struct.unpack("bc0","\2abc")"#, r#"ok "ab" 4"#),
        (
            r#"struct.unpack("bc0","\5abc")"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (data string too short)""#,
        ),
        (
            r#"struct.unpack("bc0","\255abc")"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (data string too short)""#,
        ),
        (r#"struct.unpack("c1c0","2abc")"#, r#"ok "ab" 4"#),
        (
            r#"struct.unpack("c1c0","xabc")"#,
            r#"error "user_script:21: format 'c0' needs a previous size""#,
        ),
        (r#"struct.unpack("fc0","\0\0\0\64abc")"#, r#"ok "ab" 7"#),
        (
            r#"struct.unpack("s","abc")"#,
            r#"error "user_script:21: unfinished string in data""#,
        ),
        (r#"struct.unpack("ss","abc\0de\0f")"#, r#"ok "abc" "de" 8"#),
        (
            r#"struct.unpack("z","abc")"#,
            r#"error "user_script:21: bad argument #1 to 'unpack' (invalid format option 'z')""#,
        ),
        (
            r#"struct.unpack("\255","abc")"#,
            r#"error "user_script:21: bad argument #1 to 'unpack' (invalid format option '<ff>')""#,
        ),
        (r#"struct.unpack("i0","abc")"#, "ok 0 1"),
        (r#"struct.unpack("I0","abc")"#, "ok 0 1"),
        (
            r#"struct.unpack("<i9","\254\1\1\1\1\1\1\1\255")"#,
            "ok -2 10",
        ),
        (
            r#"struct.unpack("<i9","\127\1\1\1\1\1\1\1\255")"#,
            "ok -1 10",
        ),
        (
            r#"struct.unpack(">i9","\127\1\1\1\1\1\1\1\255")"#,
            "ok -1 10",
        ),
        (
            r#"struct.unpack("<i16","\127\1\1\1\1\1\1\128\255\1\1\1\1\1\1\1")"#,
            "ok -9.2230894580546273e+18 17",
        ),
        (
            r#"struct.unpack("<i16","\127\1\1\1\1\1\1\12\255\1\1\1\1\1\1\128")"#,
            "ok 8.649737072552841e+17 17",
        ),
        (
            r#"struct.unpack("T","\255\255\255\255\255\255\255\255")"#,
            "ok 1.8446744073709552e+19 9",
        ),
        (
            r#"struct.unpack("<lL","\255\255\255\255\255\255\255\255\255\255\255\255\255\255\255\255")"#,
            "ok -1 1.8446744073709552e+19 17",
        ),
        (
            r#"struct.unpack("!8bi5x",("x"):rep(100))"#,
            "ok 120 517417236600 12",
        ),
        (
            r#"struct.unpack("c99","abc")"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (data string too short)""#,
        ),
        (
            r#"struct.unpack("b","abc","x")"#,
            r#"error "user_script:21: bad argument #3 to 'unpack' (number expected, got string)""#,
        ),
        (r#"struct.unpack("b","abc",2.9)"#, "ok 98 3"),
        (
            r#"struct.unpack("b","abc",1/0)"#,
            r#"error "user_script:21: bad argument #2 to 'unpack' (data string too short)""#,
        ),
    ]);
}

#[test]
fn sizes_are_known_without_values() {
    expect(&[
        (r#"struct.size("")"#, "ok 0"),
        (r#"struct.size("bhilTfdxc3 i7I2!4>d")"#, "ok 56"),
        (
            r#"struct.size("s")"#,
            r#"error "user_script:21: bad argument #1 to 'size' (option 's' has no fixed size)""#,
        ),
        (
            r#"struct.size("c0")"#,
            r#"error "user_script:21: bad argument #1 to 'size' (option 'c0' has no fixed size)""#,
        ),
        (r#"struct.size("z9y")"#, "ok 0"),
        (
            r#"struct.size("?")"#,
            r#"error "user_script:21: bad argument #1 to 'size' (invalid format option '?')""#,
        ),
        (
            r#"struct.size("i33")"#,
            r#"error "user_script:21: integral size 33 is larger than limit of 32""#,
        ),
        (r#"struct.size("!8bd")"#, "ok 16"),
        (
            r#"struct.size("c2147483647c2147483647c2147483647")"#,
            "ok 6442450941",
        ),
        (
            "struct.size()",
            r#"error "user_script:21: bad argument #1 to 'size' (string expected, got no value)""#,
        ),
        (
            "struct:size()",
            r#"error "user_script:21: calling 'size' on bad self (string expected, got table)""#,
        ),
        ("struct.size('!4bi16bi32')", "ok 56"),
    ]);
}

#[test]
fn results_are_as_many_as_fit() {
    expect(&[
        (
            r##"select("#",struct.unpack(("b"):rep(7940),("x"):rep(9000)))"##,
            "ok 7941",
        ),
        (
            r##"select("#",struct.unpack(("b"):rep(8000),("x"):rep(9000)))"##,
            r#"error "user_script:21: stack overflow (too many results)""#,
        ),
    ]);
}
