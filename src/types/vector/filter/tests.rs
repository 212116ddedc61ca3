use super::*;

const JSON: &[u8] = br#"{"year": 1984, "title": "The \"First\"", "rating": -8.5e0, "on": true, "off": false,
    "none": null, "tags": ["a", "b", 3], "inner": {"x": [1, "}"]}, "empty": "", "number": "12", "_a-b": 1}"#;

fn accepts(text: &str) -> bool {
    Filter::new(text.as_bytes())
        .unwrap_or_else(|at| panic!("{text}: {at:?}"))
        .accepts(JSON)
}

#[test]
fn expressions_mean_what_they_say() {
    for text in [
        ".year == 1984",
        ".year > 1980 and .year < 1990",
        ".year>1980&&.rating<0",
        "not (.year != 1984)",
        "!.off",
        ".on",
        "2 ** 3 ** 2 == 512",
        "-2 + 3 == 1",
        "(1)-1 == 0",
        "10 % 4 == 2 and 7 / 2 == 3.5 and 2 * 3 - 1 == 5",
        "\"a\" in .tags",
        "3 in .tags",
        ".year in [1, 1984,]",
        "'x' == \"x\"",
        ".number == 12",
        ".number > 3",
        ".title == 'The \"First\"'",
        ".none or 1",
        "!.none",
        "!.empty",
        "[]",
        "._a-b",
        ".off or .on and .on",
        "((((1))))",
        ".on == 1",
        "1 null",
        "' 12' == 12",
        "'0x10' == 16",
    ] {
        assert!(accepts(text), "{text}");
    }
    for text in [
        ".missing or 1",
        ".inner or 1",
        ".none == 0",
        ".tags == 1",
        "1 in 1",
        "\"c\" in .tags",
        "0",
        "''",
        ".",
        "0/0 == 0/0",
    ] {
        assert!(!accepts(text), "{text}");
    }
}

#[test]
fn nonsense_is_told_with_its_place() {
    for (text, at) in [
        ("", 0),
        ("(", 0),
        (")", 0),
        ("1 +", 0),
        ("1 2", 0),
        (".a == null", 0),
        ("1 = 1", 3),
        ("1 & 1", 3),
        (". year", 0),
        ("'open", 5),
        ("[1 2]", 3),
        ("[x]", 1),
        ("1.2.3", 5),
        ("1e", 2),
        ("foo", 3),
        ("\x01", 0),
        ("1 == \u{e9}", 5),
    ] {
        let found = Filter::new(text.as_bytes()).map(|_| ());
        assert_eq!(found, Err(Nonsense(at)), "{text}");
    }
    assert!(Filter::new(b"1\0(((").is_ok());
}

#[test]
fn broken_json_is_not_wanted() {
    let filter = Filter::new(b".a").expect("it makes sense");
    for json in [
        "",
        "{",
        "{}",
        "[]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":}",
        "{\"b\":1",
        "{\"b\":1}",
        "{\"b\":1,}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":\"x",
        "{\"a\":\"x\\",
        "{\"a\":[1",
        "{\"a\":[1 2]}",
        "{\"a\":[{}]}",
        "{\"a\":1-1}",
        "{\"b\":[\"]\",\"a\":1}",
        "{b:1,\"a\":1}",
        "{\"b\" 1,\"a\":1}",
        "{\"\\u0061\":1}",
    ] {
        assert!(!filter.accepts(json.as_bytes()), "{json}");
    }
    for json in [
        "{\"a\":1",
        " {\"b\":[{\"]\":1}],\"a\":[]}",
        "{\"b\":-,\"a\":\"x\"}",
        "{\"a\":[[1],[]]}",
    ] {
        assert!(filter.accepts(json.as_bytes()), "{json}");
    }
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    assert!(!filter.accepts(deep.as_bytes()));
}

#[test]
fn depth_costs_no_stack() {
    let text = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(
        Filter::new(text.as_bytes())
            .expect("it makes sense")
            .accepts(b"{}")
    );
    let text = format!("{}0{}", "!(".repeat(100_001), ")".repeat(100_001));
    assert!(
        Filter::new(text.as_bytes())
            .expect("it makes sense")
            .accepts(b"{}")
    );
}
