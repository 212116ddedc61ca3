use super::*;
use crate::types::json::{Json, Layout};

/// The values that a path leads to, as one text.
fn select(document: &str, path: &str) -> String {
    let json = Json::parse(document.as_bytes()).expect("it is right");
    let path = Path::parse(path.as_bytes()).expect("it is right");
    let mut out = Vec::new();
    for view in values(&json, &path, usize::MAX).expect("it is little work") {
        json.print(view, Layout::default(), &mut out);
        out.push(b' ');
    }
    String::from_utf8(out)
        .expect("it is text")
        .trim()
        .to_owned()
}

const STORE: &str = r#"{"store":{"book":[
    {"category":"reference","author":"Rees","title":"Sayings","price":8.95},
    {"category":"fiction","author":"Waugh","title":"Sword","price":12.99,"sold":true},
    {"category":"fiction","author":"Melville","title":"Moby","isbn":"0-553","price":8},
    {"category":"fiction","author":"Tolkien","title":"Rings","isbn":"0-395","price":22.99}],
    "bicycle":{"color":"red","price":19.95}},"limit":10}"#;

#[test]
fn paths_lead_where_they_say() {
    for (path, expected) in [
        (
            "$.store.book[*].author",
            r#""Rees" "Waugh" "Melville" "Tolkien""#,
        ),
        ("$..author", r#""Rees" "Waugh" "Melville" "Tolkien""#),
        ("$..price", "8.95 12.99 8 22.99 19.95"),
        ("$.store..price", "8.95 12.99 8 22.99 19.95"),
        ("$.store.book[0].title", r#""Sayings""#),
        ("$.store.book[-1].title", r#""Rings""#),
        ("$.store.book[-100].title", r#""Sayings""#),
        ("$.store.book[9].title", ""),
        ("$.store.book[0,2].title", r#""Sayings" "Moby""#),
        ("$.store.book[1:3].title", r#""Sword" "Moby""#),
        ("$.store.book[:2].title", r#""Sayings" "Sword""#),
        ("$.store.book[-2:].title", r#""Moby" "Rings""#),
        ("$.store.book[::2].title", r#""Sayings" "Moby""#),
        ("$.store.book[1:4:2].title", r#""Sword" "Rings""#),
        ("$.store.bicycle['color',\"price\"]", r#""red" 19.95"#),
        ("$.store.bicycle.*", r#""red" 19.95"#),
        ("$.[\"limit\"]", "10"),
        ("$. limit", "10"),
        ("$..[0].price", "8.95"),
        ("$..*.color", r#""red""#),
        ("limit", "10"),
        (".store.bicycle.color", r#""red""#),
        ("$.nothing", ""),
    ] {
        assert_eq!(select(STORE, path), expected, "{path}");
    }
}

#[test]
fn filters_choose() {
    for (path, expected) in [
        ("$..book[?(@.price<10)].title", r#""Sayings" "Moby""#),
        ("$..book[?(@.price <= 8)].title", r#""Moby""#),
        ("$..book[?@.price > $.limit].title", r#""Sword" "Rings""#),
        ("$..book[?(@.isbn)].title", r#""Moby" "Rings""#),
        ("$..book[?(!@.isbn)].title", r#""Sayings" "Sword""#),
        ("$..book[?(@.sold==true)].title", r#""Sword""#),
        (
            "$..book[?(@.category=='fiction' && @.price<13)].title",
            r#""Sword" "Moby""#,
        ),
        (
            "$..book[?(@.price>20||@.price<8.5)].title",
            r#""Moby" "Rings""#,
        ),
        ("$..book[?(@.author =~ \"(?i)^m.*e$\")].title", r#""Moby""#),
        ("$..book[?(@.author =~ \"[\")].title", ""),
        (
            "$..book[?(@.author != 'Rees')].title",
            r#""Sword" "Moby" "Rings""#,
        ),
        (
            "$..book[?(@['title'] >= \"Rings\" && !(@.price > 10))].title",
            r#""Sayings""#,
        ),
        ("$.store[?(@.color)].price", "19.95"),
        ("$.limit[?(@ == 10)]", "10"),
        ("$..book[?(@.*[?(@==1)])].title", ""),
        (
            "$..book[?(@.price < 9 && @.price > 8 || @.sold == true)].title",
            r#""Sayings" "Sword""#,
        ),
        ("$..book[?(@.nothing == null)].title", ""),
        ("$[?(@ > 9)]", "10"),
    ] {
        assert_eq!(select(STORE, path), expected, "{path}");
    }
}

#[test]
fn values_are_compared_with_their_kind() {
    let document = r#"{"a":[1,1.0,"1",true,null,[1],{"x":1}],"b":[1],"c":{"x":1}}"#;
    for (path, expected) in [
        ("$.a[?(@==1)]", "1 1.0"),
        ("$.a[?(@=='1')]", r#""1""#),
        ("$.a[?(@==true)]", "true"),
        ("$.a[?(@==null)]", "null"),
        ("$.a[?(@==$.b)]", "[1]"),
        ("$.a[?(@==$.c)]", r#"{"x":1}"#),
        ("$.a[?(@>0)]", "1 1.0"),
        ("$.a[?(@>='')]", r#""1""#),
        ("$.a[?(@!=1)]", r#""1" true null [1] {"x":1}"#),
    ] {
        assert_eq!(select(document, path), expected, "{path}");
    }
}

#[test]
fn names_can_be_quoted() {
    let document = r#"{"a b":1,"it's":2,"q\"q":3,"b\\s":4,"":5,"ключ":6}"#;
    for (path, expected) in [
        ("$['a b']", "1"),
        ("$[\"it's\"]", "2"),
        (r"$['it\'s']", "2"),
        (r#"$["q\"q"]"#, "3"),
        (r#"$["b\\s"]"#, "4"),
        ("$['']", "5"),
        ("$.ключ", "6"),
    ] {
        assert_eq!(select(document, path), expected, "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for path in [
        "$.",
        "$[",
        "$[]",
        "$[0",
        "$['a",
        "$[0:3:0]",
        "$...a",
        "$.a]",
        "$[?]",
        "$[?(@.a]",
        "$[?(@.a==)]",
        "$[1,]",
        "$.a b",
        "",
        "$[?(@.a == 1 &&)]",
        "$[99999999999999999999]",
        "$[?(1=1)]",
    ] {
        let error = Path::parse(path.as_bytes()).expect_err(path);
        assert!(error.starts_with(b"Error occurred on position "), "{path}");
    }
    let deep = format!("$[?({}1)]", "(".repeat(1000));
    Path::parse(deep.as_bytes()).expect_err("too deep");
    let deep = format!("$[?({}1)]", "!".repeat(1000));
    Path::parse(deep.as_bytes()).expect_err("too deep");
    let deep = "$[?(@".to_owned() + &"[?(@".repeat(100);
    Path::parse(deep.as_bytes()).expect_err("too deep");
}

#[test]
fn a_path_that_leads_to_everything_in_many_ways_is_given_up() {
    let document = "[".repeat(120) + &"]".repeat(120);
    let json = Json::parse(document.as_bytes()).expect("it is right");
    let path = Path::parse(b"$..*..*..*..*..*..*").expect("it is right");
    assert!(values(&json, &path, usize::MAX).is_err());
    assert_eq!(values(&json, &path, 1).expect("little").len(), 1);
}
