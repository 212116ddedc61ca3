//! What scripts see of errors, as a real server shows it.

use crate::script::trial::expect;

#[test]
fn errors_are_strings_with_the_place_of_the_caller() {
    expect(&[
        (
            "(function() local e = cjson.encode; return e() end)()",
            r#"error "user_script:21: bad argument #1 to 'e' (expected 1 argument)""#,
        ),
        (
            "(function() local t = {f = cjson.encode}; return t.f() end)()",
            r#"error "user_script:21: bad argument #1 to 'f' (expected 1 argument)""#,
        ),
        (
            r#"(function() local t = {f = cjson.encode}; return t["f"]() end)()"#,
            r#"error "user_script:21: bad argument #1 to 'f' (expected 1 argument)""#,
        ),
        (
            r#"(function() return (cjson.decode)("x") end)()"#,
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            "cjson.decode('x')",
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            "cjson.decode('x'), 1",
            r#"error "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            "(function() local t = {} t.m = cjson.decode return t:m() end)()",
            r#"error "user_script:21: calling 'm' on bad self (string expected, got table)""#,
        ),
    ]);
}

#[test]
fn unpack_counts_its_results() {
    let refused = r#"error "user_script:21: too many results to unpack""#;
    expect(&[
        ("unpack({1,2,3}, -2, 2147483647)", refused),
        ("unpack({1,2,3}, 0, 2147483647)", refused),
        ("unpack({1,2,3}, -2147483648, 2147483647)", refused),
        ("unpack({1,2,3}, -2147483647, -2147483648)", "ok"),
        ("unpack({1,2,3}, 1, 8000)", refused),
        ("select('#', unpack({}, 1, 7000))", "ok 7000"),
        ("unpack({1,2,3}, -1, 1)", "ok nil nil 1"),
        ("unpack({1,2,3}, nil, 2)", "ok 1 2"),
        ("unpack({1,2,3})", "ok 1 2 3"),
    ]);
}

#[test]
fn whoever_catches_sees_strings() {
    expect(&[
        (
            "pcall(cjson.decode, 'x')",
            r#"ok false "Expected value but found invalid token at character 1""#,
        ),
        (
            "pcall(function() cjson.decode('x') end)",
            r#"ok false "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            "pcall(function() return cjson.decode('x') end)",
            r#"ok false "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r"pcall(struct.pack, '\200')",
            r#"ok false "bad argument #1 to '?' (invalid format option '<c8>')""#,
        ),
        (
            r#"xpcall(function() cjson.decode("x") end, function(e) return "H"..type(e)..e end)"#,
            r#"ok false "Hstringuser_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"xpcall(function() cjson.decode("x") end, 5)"#,
            r#"ok false "error in error handling""#,
        ),
        (
            "xpcall(function() return 1,2 end, function() end)",
            "ok true 1 2",
        ),
        ("pcall(error, {1})", "ok false {1=1} nil"),
        (r#"pcall(function() error("x", 2) end)"#, r#"ok false "x""#),
        (
            r##"select("#", pcall(function() return nil, nil end))"##,
            "ok 3",
        ),
        (
            r#"coroutine.resume(coroutine.create(function() cjson.decode("x") end))"#,
            r#"ok false "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            "coroutine.resume(coroutine.create(function() coroutine.yield(1,2) end))",
            "ok true 1 2",
        ),
        (
            r#"(coroutine.wrap(function() cjson.decode("x") end)())"#,
            r#"error "user_script:21: user_script:21: Expected value but found invalid token at character 1""#,
        ),
        (
            r#"(coroutine.wrap(function() return cjson.decode("[5]") end)())"#,
            "ok {1=5}",
        ),
        (
            "(coroutine.wrap(function() error('x') end)())",
            r#"error "user_script:21: user_script:21: x""#,
        ),
        (
            "(coroutine.wrap(function() error({}) end)())",
            "error {} nil",
        ),
        (
            "(function() local f = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) return f(1), f(5), pcall(f) end)()",
            r#"ok 2 10 false "cannot resume dead coroutine""#,
        ),
        (
            "coroutine.resume(coroutine.create(function() cjson.decode('x') end))",
            r#"ok false "user_script:21: Expected value but found invalid token at character 1""#,
        ),
        ("pcall(error, {err = 'text'})", r#"ok false "text""#),
        ("pcall(error, {err = 5})", "ok false 5"),
        ("pcall(error, {err = {}})", r#"ok false {"err"={}} {}"#),
        (
            "pcall(error, {err = false, other = 1})",
            r#"ok false {"other"=1,"err"=false} false"#,
        ),
        ("pcall(error)", "ok false nil"),
        ("pcall(error, nil)", "ok false nil"),
        ("pcall(error, 5)", r#"ok false "5""#),
        ("pcall(error, true)", "ok false true"),
        (
            "xpcall(function() error({err = 'text'}) end, function(e) return e end)",
            r#"ok false {"err"="text"}"#,
        ),
        (
            "coroutine.resume(coroutine.create(function() error({err = 'text'}) end))",
            r#"ok false {"err"="text"}"#,
        ),
        (
            "pcall(function(...) return select('#', ...), ... end, 1, nil, 3)",
            "ok true 3 1 nil 3",
        ),
    ]);
}
