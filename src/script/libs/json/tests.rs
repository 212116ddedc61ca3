//! `cjson` as a real server knows it.

use crate::script::trial::expect;

#[test]
fn values_become_json() {
    expect(&[
        (
            "cjson.encode()",
            r#"error "user_script:21: bad argument #1 to 'encode' (expected 1 argument)""#,
        ),
        (
            "cjson.encode(1,2)",
            r#"error "user_script:21: bad argument #1 to 'encode' (expected 1 argument)""#,
        ),
        (
            "cjson:encode()",
            r#"error "user_script:21: Cannot serialise function: type not supported""#,
        ),
        (
            "cjson:encode(1)",
            r#"error "user_script:21: calling 'encode' on bad self (expected 1 argument)""#,
        ),
        ("cjson.encode(nil)", r#"ok "null""#),
        (
            r#"cjson.encode(cjson.null),cjson.encode(true),cjson.encode(false),cjson.encode(""),cjson.encode({}),cjson.encode({{}})"#,
            r#"ok "null" "true" "false" """" "{}" "[{}]""#,
        ),
        (
            "cjson.encode(function() end)",
            r#"error "user_script:21: Cannot serialise function: type not supported""#,
        ),
        (
            "cjson.encode(coroutine.create(function() end))",
            r#"error "user_script:21: Cannot serialise thread: type not supported""#,
        ),
        (
            "cjson.encode({function() end})",
            r#"error "user_script:21: Cannot serialise function: type not supported""#,
        ),
        (
            "cjson.encode({[true]=1})",
            r#"error "user_script:21: Cannot serialise boolean: table key must be a number or string""#,
        ),
        (
            "cjson.encode({[{}]=1})",
            r#"error "user_script:21: Cannot serialise table: table key must be a number or string""#,
        ),
        (
            r#"cjson.encode({[1.5]="x"}),cjson.encode({[-1]=1}),cjson.encode({[0]=1}),cjson.encode({1,2,a=3})"#,
            r#"ok "{"1.5":"x"}" "{"-1":1}" "{"0":1}" "{"1":1,"2":2,"a":3}""#,
        ),
        (
            "cjson.encode({[1/0]=1})",
            r#"error "user_script:21: Cannot serialise number: must not be NaN or Inf""#,
        ),
        (
            "cjson.encode(1/0)",
            r#"error "user_script:21: Cannot serialise number: must not be NaN or Inf""#,
        ),
        (
            "cjson.encode(0/0)",
            r#"error "user_script:21: Cannot serialise number: must not be NaN or Inf""#,
        ),
        (
            "cjson.encode({1,nil,3}),cjson.encode({[1]=1,[10]=1}),cjson.encode({[10]=1}),cjson.encode({[5]=1,[9]=2})",
            r#"ok "[1,null,3]" "[1,null,null,null,null,null,null,null,null,1]" "[null,null,null,null,null,null,null,null,null,1]" "[null,null,null,null,1,null,null,null,2]""#,
        ),
        (
            "cjson.encode({[11]=1})",
            r#"error "user_script:21: Cannot serialise table: excessively sparse array""#,
        ),
        (
            "cjson.encode({[1]=1,[2]=1,[3]=1,[4]=1,[5]=1,[11]=1})",
            r#"ok "[1,1,1,1,1,null,null,null,null,null,1]""#,
        ),
        (
            "cjson.encode({[1]=1,[2]=1,[3]=1,[4]=1,[12]=1})",
            r#"error "user_script:21: Cannot serialise table: excessively sparse array""#,
        ),
        (
            "cjson.encode({[1]=1,[2]=1,[3]=1,[4]=1,[10]=1,[12]=1})",
            r#"ok "[1,1,1,1,null,null,null,null,null,1,null,1]""#,
        ),
        (
            "cjson.encode({[1e10]=1}),cjson.encode({[2^31]=1,[1]=2}),cjson.encode({[2^53]=1,[2^31-1]=1,[2]=2}) ",
            r#"error "user_script:21: Cannot serialise table: excessively sparse array""#,
        ),
        (
            "cjson.encode({[2^31-1]=1})",
            r#"error "user_script:21: Cannot serialise table: excessively sparse array""#,
        ),
        (
            "cjson.encode(0),cjson.encode(-0.0),cjson.encode(0.1),cjson.encode(1e14),cjson.encode(123456789012345),cjson.encode(99999999999999),cjson.encode(99999999999999.5),cjson.encode(1e100)",
            r#"ok "0" "0" "0.1" "1e+14" "1.2345678901234e+14" "99999999999999" "1e+14" "1e+100""#,
        ),
        (
            "cjson.encode(1e-4),cjson.encode(1e-5),cjson.encode(1.5e-5),cjson.encode(123456.789),cjson.encode(-1/3),cjson.encode(2^53),cjson.encode(1e15),cjson.encode(5e-324)",
            r#"ok "0.0001" "1e-05" "1.5e-05" "123456.789" "-0.33333333333333" "9.007199254741e+15" "1e+15" "4.9406564584125e-324""#,
        ),
        (
            "cjson.encode(1.7976931348623157e308),cjson.encode(100),cjson.encode(1e13),cjson.encode(1234567890123.4),cjson.encode(0.00012345678901234567),cjson.encode(1e20),cjson.encode(-1e-10),cjson.encode(10.5)",
            r#"ok "1.7976931348623e+308" "100" "10000000000000" "1234567890123.4" "0.00012345678901235" "1e+20" "-1e-10" "10.5""#,
        ),
        (
            r#"cjson.encode("\0\1\31\127\128\255\"\\/\b\f\n\r\t'<>&")"#,
            r#"ok ""\u0000\u0001\u001f\u007f<80><ff>\"\\\/\b\f\n\r\t'<>&"""#,
        ),
        (r#"cjson.encode({["\n/"]=1})"#, r#"ok "{"\n\/":1}""#),
        (r#"cjson.encode({[""]=1})"#, r#"ok "{"":1}""#),
        (
            "(function() local t={} t[1]=t return cjson.encode(t) end)()",
            r#"error "user_script:21: Cannot serialise, excessive nesting (1001)""#,
        ),
        (
            "(function() local t={} t.x=t return cjson.encode(t) end)()",
            r#"error "user_script:21: Cannot serialise, excessive nesting (1001)""#,
        ),
    ]);
}

#[test]
fn json_becomes_values() {
    expect(&[
        (
            "cjson.decode()",
            r#"error "user_script:21: bad argument #1 to 'decode' (expected 1 argument)""#,
        ),
        (
            "cjson.decode(nil)",
            r#"error "user_script:21: bad argument #1 to 'decode' (string expected, got nil)""#,
        ),
        (
            "cjson.decode({})",
            r#"error "user_script:21: bad argument #1 to 'decode' (string expected, got table)""#,
        ),
        (
            "cjson.decode(1,2)",
            r#"error "user_script:21: bad argument #1 to 'decode' (expected 1 argument)""#,
        ),
        ("cjson.decode(12),cjson.decode(1.5)", "ok 12 1.5"),
        (
            r#"cjson.decode("")"#,
            r#"error "user_script:21: Expected value but found T_END at character 1""#,
        ),
        (
            r#"cjson.decode(" ")"#,
            r#"error "user_script:21: Expected value but found T_END at character 2""#,
        ),
        (
            r#"cjson.decode("\0")"#,
            r#"error "user_script:21: Expected value but found T_END at character 1""#,
        ),
        (
            r#"cjson.decode("1\0")"#,
            r#"error "user_script:21: JSON parser does not support UTF-16 or UTF-32""#,
        ),
        (
            r#"cjson.decode("\0001")"#,
            r#"error "user_script:21: JSON parser does not support UTF-16 or UTF-32""#,
        ),
        (r#"cjson.decode("12\0 3")"#, "ok 12"),
        (r#"cjson.decode("[1]\0xx")"#, "ok {1=1}"),
        (
            r#"cjson.decode("[1]xx")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 4""#,
        ),
        (
            r#"cjson.decode("[1] 2")"#,
            r#"error "user_script:21: Expected the end but found T_NUMBER at character 5""#,
        ),
        (
            r#"cjson.decode("[1,]")"#,
            r#"error "user_script:21: Expected value but found T_ARR_END at character 4""#,
        ),
        (
            r#"cjson.decode("[,1]")"#,
            r#"error "user_script:21: Expected value but found T_COMMA at character 2""#,
        ),
        (
            r#"cjson.decode("[1 2]")"#,
            r#"error "user_script:21: Expected comma or array end but found T_NUMBER at character 4""#,
        ),
        (
            r#"cjson.decode("[")"#,
            r#"error "user_script:21: Expected value but found T_END at character 2""#,
        ),
        (
            r#"cjson.decode("[1")"#,
            r#"error "user_script:21: Expected comma or array end but found T_END at character 3""#,
        ),
        (
            r#"cjson.decode("]")"#,
            r#"error "user_script:21: Expected value but found T_ARR_END at character 1""#,
        ),
        (
            r#"cjson.decode("{")"#,
            r#"error "user_script:21: Expected object key string but found T_END at character 2""#,
        ),
        (
            r#"cjson.decode("{1:2}")"#,
            r#"error "user_script:21: Expected object key string but found T_NUMBER at character 2""#,
        ),
        (
            r#"cjson.decode('{"a"}')"#,
            r#"error "user_script:21: Expected colon but found T_OBJ_END at character 5""#,
        ),
        (
            r#"cjson.decode('{"a" 1}')"#,
            r#"error "user_script:21: Expected colon but found T_NUMBER at character 6""#,
        ),
        (
            r#"cjson.decode('{"a":}')"#,
            r#"error "user_script:21: Expected value but found T_OBJ_END at character 6""#,
        ),
        (
            r#"cjson.decode('{"a":1')"#,
            r#"error "user_script:21: Expected comma or object end but found T_END at character 7""#,
        ),
        (
            r#"cjson.decode('{"a":1 "b"}')"#,
            r#"error "user_script:21: Expected comma or object end but found T_STRING at character 8""#,
        ),
        (
            r#"cjson.decode('{"a":1,}')"#,
            r#"error "user_script:21: Expected object key string but found T_OBJ_END at character 8""#,
        ),
        (
            r#"cjson.decode('{"a":1,2}')"#,
            r#"error "user_script:21: Expected object key string but found T_NUMBER at character 8""#,
        ),
        (
            r#"cjson.decode('{"a":1]')"#,
            r#"error "user_script:21: Expected comma or object end but found T_ARR_END at character 7""#,
        ),
        (
            "cjson.decode('[1}')",
            r#"error "user_script:21: Expected comma or array end but found T_OBJ_END at character 3""#,
        ),
        (r#"cjson.decode('{"a":1,"a":2}')"#, r#"ok {"a"=2}"#),
        (
            r#"cjson.decode('{"a":null,"b":[null]}')"#,
            r#"ok {"a"=userdata: (nil),"b"={1=userdata: (nil)}}"#,
        ),
        (
            r#"cjson.decode('{"a":[1,2,{"b":"c"}],"d":{}}')"#,
            r#"ok {"a"={1=1,2=2,3={"b"="c"}},"d"={}}"#,
        ),
        (
            r#"cjson.decode('"abc')"#,
            r#"error "user_script:21: Expected value but found unexpected end of string at character 5""#,
        ),
        (
            r#"cjson.decode('"a\\qc"')"#,
            r#"error "user_script:21: Expected value but found invalid escape code at character 3""#,
        ),
        (
            r#"cjson.decode('"a\\')"#,
            r#"error "user_script:21: Expected value but found invalid escape code at character 3""#,
        ),
        (
            r#"cjson.decode('"a\\"')"#,
            r#"error "user_script:21: Expected value but found unexpected end of string at character 5""#,
        ),
        (
            r#"cjson.decode('"a\0b"')"#,
            r#"error "user_script:21: Expected value but found unexpected end of string at character 3""#,
        ),
        (
            r#"cjson.decode('"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\\u0000\\uFFFF"')"#,
            r#"ok "A<c3><a9><e2><82><ac><f0><9f><98><80><00><ef><bf><bf>""#,
        ),
        (
            r#"cjson.decode('"\\u00g1"')"#,
            r#"error "user_script:21: Expected value but found invalid unicode escape code at character 2""#,
        ),
        (
            r#"cjson.decode('"\\u12"')"#,
            r#"error "user_script:21: Expected value but found invalid unicode escape code at character 2""#,
        ),
        (
            r#"cjson.decode('"\\ud83d"')"#,
            r#"error "user_script:21: Expected value but found invalid unicode escape code at character 2""#,
        ),
        (
            r#"cjson.decode('"\\ud83dx"')"#,
            r#"error "user_script:21: Expected value but found invalid unicode escape code at character 2""#,
        ),
        (
            r#"cjson.decode('"\\ud83d\\u0041"')"#,
            r#"error "user_script:21: Expected value but found invalid unicode escape code at character 2""#,
        ),
        (
            r#"cjson.decode('"\\ude00"')"#,
            r#"error "user_script:21: Expected value but found invalid unicode escape code at character 2""#,
        ),
        (
            r#"cjson.decode('"\\ud83d\\ud83d"')"#,
            r#"error "user_script:21: Expected value but found invalid unicode escape code at character 2""#,
        ),
        (
            r#"cjson.decode('"\\ud83d\\')"#,
            r#"error "user_script:21: Expected value but found invalid unicode escape code at character 2""#,
        ),
        (
            r#"cjson.decode('"\\"\\\\\\/\\b\\f\\n\\r\\t"')"#,
            r#"ok ""\/<08><0c><0a><0d><09>""#,
        ),
        (
            r#"cjson.decode('"\128\255\1\n"')"#,
            r#"ok "<80><ff><01><0a>""#,
        ),
        (
            r#"cjson.decode("tru")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"cjson.decode("true"),cjson.decode("false"),cjson.decode("null"),cjson.decode("truex")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 5""#,
        ),
        (
            r#"cjson.decode("truex")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 5""#,
        ),
        (
            r#"cjson.decode("True")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"cjson.decode("nul")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"cjson.decode("nan"),cjson.decode("NaN"),cjson.decode("-nan"),cjson.decode("inf"),cjson.decode("Infinity"),cjson.decode("-infinity"),cjson.decode("+1"),cjson.decode("+inf")"#,
            "ok nan nan -nan inf inf -inf 1 inf",
        ),
        (r#"cjson.decode("nan(abc)")"#, "ok nan"),
        (
            r#"cjson.decode("nan(ab c)")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 4""#,
        ),
        (
            r#"cjson.decode("infinit")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 4""#,
        ),
        (
            r#"cjson.decode("-")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("+")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("-x")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("- 1")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("--1")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("+-1")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("in")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"cjson.decode("01"),cjson.decode("0x10"),cjson.decode("0X1.8p1"),cjson.decode("0x.8"),cjson.decode("-0x1p-3"),cjson.decode("1."),cjson.decode("-.5"),cjson.decode("1e5")"#,
            "ok 1 16 3 0.5 -0.125 1 -0.5 100000",
        ),
        (
            r#"cjson.decode("0x")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 2""#,
        ),
        (
            r#"cjson.decode("0x.")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 2""#,
        ),
        (
            r#"cjson.decode("0x1p")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 4""#,
        ),
        (
            r#"cjson.decode("1e")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 2""#,
        ),
        (
            r#"cjson.decode("1e+")"#,
            r#"error "user_script:21: Expected the end but found invalid token at character 2""#,
        ),
        (r#"cjson.decode("1.e3")"#, "ok 1000"),
        (
            r#"cjson.decode(".5")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"cjson.decode("-.")"#,
            r#"error "user_script:21: Expected value but found invalid number at character 1""#,
        ),
        (
            r#"cjson.decode("1e999"),cjson.decode("-1e999"),cjson.decode("1e-999"),cjson.decode("123456789012345678901234567890"),cjson.decode("0.1"),cjson.decode("-0"),cjson.decode("0x1fffffffffffff8"),cjson.decode("0x1fffffffffffffffffffff")"#,
            "ok inf -inf 0 1.2345678901234568e+29 0.10000000000000001 -0 1.4411518807585587e+17 3.8685626227668134e+25",
        ),
        (
            r#"cjson.decode("0x1.fffffffffffff8p0"),cjson.decode("0x1p1024"),cjson.decode("0x1p-1074"),cjson.decode("0x1p-1075"),cjson.decode("0x0p99999999999999999999")"#,
            "ok 2 inf 4.9406564584124654e-324 0 0",
        ),
        (
            r#"cjson.decode("$")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"cjson.decode("[1,$]")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 4""#,
        ),
        (
            r#"cjson.decode("\255")"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
    ]);
}

#[test]
fn nesting_is_limited_by_depth_and_by_slots_of_the_stack() {
    expect(&[
        (
            r#"cjson.decode(("["):rep(1000)..("]"):rep(1000)) ~= nil"#,
            "ok true",
        ),
        (
            r#"cjson.decode(("["):rep(1001)..("]"):rep(1001))"#,
            r#"error "user_script:21: Found too many nested data structures (1001) at character 1001""#,
        ),
        (
            r#"cjson.decode(("["):rep(5000))"#,
            r#"error "user_script:21: Found too many nested data structures (1001) at character 1001""#,
        ),
        (
            r#"cjson.decode(('{"a":'):rep(1001))"#,
            r#"error "user_script:21: Found too many nested data structures (1001) at character 5001""#,
        ),
        ("cjson.decode_max_depth(100000)", "ok 100000"),
        ("cjson.encode_max_depth(100000)", "ok 100000"),
        (
            r#"type(cjson.decode(("["):rep(7990)..("]"):rep(7990)))"#,
            r#"ok "table""#,
        ),
        (
            r#"type(cjson.decode(("["):rep(7997)..("]"):rep(7997)))"#,
            r#"ok "table""#,
        ),
        (
            r#"type(cjson.decode(("["):rep(7998)..("]"):rep(7998)))"#,
            r#"ok "table""#,
        ),
        (
            r#"type(cjson.decode(("["):rep(7999)..("]"):rep(7999)))"#,
            r#"error "user_script:21: Found too many nested data structures (7999) at character 7999""#,
        ),
        (
            r#"type(cjson.decode(("["):rep(8000)..("]"):rep(8000)))"#,
            r#"error "user_script:21: Found too many nested data structures (7999) at character 7999""#,
        ),
        (
            r#"type(cjson.decode(('{"a":'):rep(3998).."1"..("}"):rep(3998)))"#,
            r#"ok "table""#,
        ),
        (
            r#"type(cjson.decode(('{"a":'):rep(3999).."1"..("}"):rep(3999)))"#,
            r#"ok "table""#,
        ),
        (
            r#"type(cjson.decode(('{"a":'):rep(4000).."1"..("}"):rep(4000)))"#,
            r#"error "user_script:21: Found too many nested data structures (4000) at character 19996""#,
        ),
        (
            "(function() local t={} local d = t for i=1,7000 do d[1]={} d=d[1] end return #cjson.encode(t) end)()",
            "ok 14002",
        ),
        (
            "(function() local t={} local d = t for i=1,7995 do d[1]={} d=d[1] end return #cjson.encode(t) end)()",
            "ok 15992",
        ),
        (
            "(function() local t={} local d = t for i=1,7996 do d[1]={} d=d[1] end return #cjson.encode(t) end)()",
            "ok 15994",
        ),
        (
            "(function() local t={} local d = t for i=1,7997 do d[1]={} d=d[1] end return #cjson.encode(t) end)()",
            r#"error "user_script:21: Cannot serialise, excessive nesting (7998)""#,
        ),
        (
            "(function() local t={} local d = t for i=1,7998 do d[1]={} d=d[1] end return #cjson.encode(t) end)()",
            r#"error "user_script:21: Cannot serialise, excessive nesting (7998)""#,
        ),
        (
            "(function() local t={} local d = t for i=1,9000 do d[1]={} d=d[1] end return #cjson.encode(t) end)()",
            r#"error "user_script:21: Cannot serialise, excessive nesting (7998)""#,
        ),
        (
            "(function() local t={} local d = t for i=1,3996 do d.a={} d=d.a end return #cjson.encode(t) end)()",
            "ok 23978",
        ),
        (
            "(function() local t={} local d = t for i=1,3998 do d.a={} d=d.a end return #cjson.encode(t) end)()",
            "ok 23990",
        ),
        (
            "(function() local t={} local d = t for i=1,3999 do d.a={} d=d.a end return #cjson.encode(t) end)()",
            r#"error "user_script:21: Cannot serialise, excessive nesting (4000)""#,
        ),
        (
            "(function() local t={} local d = t for i=1,4000 do d.a={} d=d.a end return #cjson.encode(t) end)()",
            r#"error "user_script:21: Cannot serialise, excessive nesting (4000)""#,
        ),
        ("cjson.decode_max_depth(1000)", "ok 1000"),
        ("cjson.encode_max_depth(1000)", "ok 1000"),
    ]);
}
