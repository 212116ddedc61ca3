//! Documents against a plain model: the same edits on vectors of names and values, compared as text after each.

use super::*;
use crate::base::rng::Rng;
use crate::store::bins::Bins;

/// A value as one would write it down first.
#[derive(Clone, Debug, PartialEq)]
enum Plain {
    Scalar(String),
    Array(Vec<Plain>),
    Object(Vec<(String, Plain)>),
}

impl Plain {
    fn random(rng: &mut Rng, depth: usize) -> Self {
        match rng.below(if depth < 5 { 9 } else { 6 }) {
            0 => Self::Scalar("null".into()),
            1 => Self::Scalar("true".into()),
            2 => Self::Scalar(format!("{}", rng.below(100))),
            3 => Self::Scalar(format!("{}", rng.next_u64() as i64 >> rng.below(60))),
            4 => Self::Scalar(format!("{}.5", rng.below(1000))),
            5 => {
                let letter = ["é", "e"][rng.below(2) as usize];
                Self::Scalar(format!("\"{}\"", letter.repeat(rng.below(40) as usize)))
            }
            6 => {
                let count = rng.below(8);
                Self::Array((0..count).map(|_| Self::random(rng, depth + 1)).collect())
            }
            _ => {
                let mut fields: Vec<(String, Self)> = Vec::new();
                for _ in 0..rng.below(8) {
                    let name = format!("name{}", rng.below(20));
                    if fields.iter().all(|(other, _)| *other != name) {
                        fields.push((name, Self::random(rng, depth + 1)));
                    }
                }
                Self::Object(fields)
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Scalar(text) => text.clone(),
            Self::Array(items) => {
                let items: Vec<String> = items.iter().map(Self::text).collect();
                format!("[{}]", items.join(","))
            }
            Self::Object(fields) => {
                let field = |(name, value): &(String, Self)| format!("\"{name}\":{}", value.text());
                let fields: Vec<String> = fields.iter().map(field).collect();
                format!("{{{}}}", fields.join(","))
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Scalar(_) => 0,
            Self::Array(items) => items.len(),
            Self::Object(fields) => fields.len(),
        }
    }

    fn child(&mut self, at: usize) -> &mut Self {
        match self {
            Self::Array(items) => &mut items[at],
            Self::Object(fields) => &mut fields[at].1,
            Self::Scalar(_) => unreachable!(),
        }
    }

    fn at(&mut self, place: &[u32]) -> &mut Self {
        place
            .iter()
            .fold(self, |value, at| value.child(*at as usize))
    }

    /// The path that leads to a place.
    fn path(&self, place: &[u32]) -> String {
        let (mut steps, mut value) = (vec!["$".to_string()], self);
        for at in place {
            let at = *at as usize;
            value = match value {
                Self::Array(items) => {
                    steps.push(match at % 2 {
                        0 => format!("[{at}]"),
                        _ => format!("[-{}]", items.len() - at),
                    });
                    &items[at]
                }
                Self::Object(fields) => {
                    steps.push(format!(".{}", fields[at].0));
                    &fields[at].1
                }
                Self::Scalar(_) => unreachable!(),
            }
        }
        steps.concat()
    }

    /// Some place in it.
    fn place(&mut self, rng: &mut Rng) -> Vec<u32> {
        let mut place = Vec::new();
        loop {
            let len = self.at(&place).len();
            if len == 0 || place.len() > 6 || rng.below(4) == 0 {
                return place;
            }
            place.push(rng.below(len as u64) as u32);
        }
    }
}

fn read(json: &Json, text: &str) -> (Reader, Input) {
    let mut reader = Reader::new(Some(json));
    let input = reader.read(text.as_bytes()).expect("it is right");
    (reader, input)
}

fn edit(plain: &mut Plain, json: &mut Json, rng: &mut Rng) {
    let place = plain.place(rng);
    let new = Plain::random(rng, 2);
    let (path, text) = (plain.path(&place), new.text());
    let path = Path::parse(path.as_bytes()).expect("it is right");
    if let Some(way) = json.way(&path)
        && let Some(scalar) = plain_scalar(text.as_bytes())
    {
        json.put_scalar(&way, scalar);
        *plain.at(&place) = new;
        return;
    }
    let (reader, input) = read(json, &text);
    json.adopt(reader);
    match (rng.below(6), plain.at(&place)) {
        (0 | 1, target) => {
            *target = new;
            json.replace(&place, input).expect("it is flat");
        }
        (2 | 3, Plain::Array(items)) => {
            let at = rng.below(items.len() as u64 + 1) as usize;
            let many = vec![new; 1 + rng.below(3) as usize];
            let inputs = vec![input; many.len()];
            items.splice(at..at, many);
            json.insert(&place, at, inputs).expect("it is flat");
        }
        (2 | 3, Plain::Object(fields)) => {
            let name = format!("new{}", rng.below(50));
            if fields.iter().all(|(other, _)| *other != name) {
                json.add_field(&place, name.as_bytes(), input)
                    .expect("it is flat");
                fields.push((name, new));
            }
        }
        (4, Plain::Array(items)) if !items.is_empty() => {
            let from = rng.below(items.len() as u64) as usize;
            let to = from + rng.below((items.len() - from) as u64 + 1) as usize;
            items.drain(from..to);
            json.remove(&place, from..to);
        }
        (4, Plain::Object(fields)) if !fields.is_empty() => {
            let at = rng.below(fields.len() as u64) as usize;
            fields.remove(at);
            json.remove(&place, at..at + 1);
        }
        (5, target @ (Plain::Array(_) | Plain::Object(_))) if rng.below(10) == 0 => {
            match target {
                Plain::Array(items) => items.clear(),
                Plain::Object(fields) => fields.clear(),
                Plain::Scalar(_) => {}
            }
            json.empty(&place);
        }
        _ => {}
    }
}

fn validate(json: &Json) {
    fn check(view: View<'_>) {
        if let View::Tree(tree) = view {
            tree.validate();
            assert_eq!(tree.count, view.children().count());
            for run in &tree.runs {
                match run {
                    Run::Pack { bytes, count } => {
                        assert_eq!(body::count(bytes, tree.is_object), *count as usize);
                        body::validate(bytes, tree.is_object);
                        assert!(*count > 0);
                        assert!(*count == 1 || bytes.len() <= 12 * tree::RUN_BYTES);
                    }
                    Run::Tree { name, .. } => assert_eq!(name.is_empty(), !tree.is_object),
                }
            }
        }
        view.children().for_each(|(_, child)| check(child));
    }
    if let View::Pack(block) = json.view() {
        let bytes = json.view().bytes().expect("it is packed");
        body::validate(bytes, false);
        assert_eq!(block.len(), body::with_room(bytes.len()));
    }
    check(json.view());
}

#[test]
fn edits_do_what_they_do_to_a_plain_model() {
    for seed in 0..300 {
        let mut rng = Rng::from_seed(seed);
        let mut plain = Plain::random(&mut rng, 0);
        let mut json = Json::parse(plain.text().as_bytes()).expect("it is right");
        for step in 0..60 {
            // A copy from before is not touched. Without one, bytes are changed where they are.
            let before = (step % 2 == 0).then(|| (json.clone(), plain.text()));
            edit(&mut plain, &mut json, &mut rng);
            validate(&json);
            let text = String::from_utf8(json.text()).expect("it is text");
            assert_eq!(text, plain.text(), "seed {seed}, step {step}");
            if let Some((json, text)) = before {
                assert_eq!(json.text(), text.as_bytes());
            }
            let again = Json::parse(text.as_bytes()).expect("it is right");
            let (one, other) = ((json.view(), json.names()), (again.view(), again.names()));
            assert!(are_equal(one, other));
            assert_eq!(again.text(), text.as_bytes());
        }
    }
}

#[test]
fn every_child_is_found_by_its_number_and_name() {
    let fields: Vec<String> = (0..500).map(|n| format!("\"f{n}\":[{n}]")).collect();
    let text = format!("{{{}}}", fields.join(","));
    let json = Json::parse(text.as_bytes()).expect("it is right");
    for number in 0..500_usize {
        let name = format!("f{number}");
        let wanted = tree::Wanted::new(name.as_bytes(), json.names());
        let (at, view) = json.view().field(wanted).expect("it is there");
        assert_eq!(at, number);
        let child = json.at(&[number as u32, 0]).expect("it is there");
        assert_eq!(child.atom(), Atom::Number(Number::Int(number as i64)));
        assert_eq!(view.len(), 1);
    }
}

#[test]
fn of_names_that_come_twice_the_last_value_counts() {
    for (text, expected) in [
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"a":{"a":1,"a":2},"a":[1]}"#, r#"{"a":[1]}"#),
        (
            r#"[{"x":{"y":1}},{"x":1,"x":{"z":0}}]"#,
            r#"[{"x":{"y":1}},{"x":{"z":0}}]"#,
        ),
    ] {
        let json = Json::parse(text.as_bytes()).expect("it is right");
        assert_eq!(String::from_utf8_lossy(&json.text()), expected);
    }
    let many: Vec<String> = (0..2000).map(|n| format!("\"f{}\":{n}", n % 500)).collect();
    let json = Json::parse(format!("{{{}}}", many.join(",")).as_bytes()).expect("it is right");
    assert_eq!(json.view().len(), 500);
    assert_eq!(
        json.at(&[7]).map(View::atom),
        Some(Atom::Number(Number::Int(1507)))
    );
}

#[test]
fn patches_merge() {
    // The examples of RFC 7396, as far as both sides are values.
    for (document, patch, expected) in [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":{"b":"d","c":null}}"#,
            r#"{"a":{"b":"d"}}"#,
        ),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ] {
        let mut json = Json::parse(document.as_bytes()).expect("it is right");
        let (reader, patch) = read(&json, patch);
        let (view, names) = reader.look(&patch);
        json.merge(&mut Place::new(), view, names, &mut Garbage::default())
            .expect("it is flat");
        assert_eq!(String::from_utf8_lossy(&json.text()), expected);
    }
}

#[test]
fn nothing_is_nested_too_deep() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert!(Json::parse(nested(127).as_bytes()).is_ok());
    assert!(Json::parse(nested(100_000).as_bytes()).is_err());
    let mut json = Json::parse(nested(100).as_bytes()).expect("it is right");
    let place = vec![0; 99];
    let (_, deep) = read(&json, &nested(29));
    assert!(json.insert(&place, 0, vec![deep]).is_err());
    let (_, fits) = read(&json, &nested(28));
    assert!(json.insert(&place, 0, vec![fits]).is_ok());
}

#[test]
fn a_document_is_not_larger_than_its_text() {
    let fields: Vec<String> = (0..30)
        .map(|n| format!("\"field_{n:02}\":\"value of field {n:04}\""))
        .collect();
    let text = format!("{{{}}}", fields.join(","));
    assert!((950..1100).contains(&text.len()), "{}", text.len());
    let json = Json::parse(text.as_bytes()).expect("it is right");
    let most = if cfg!(test) {
        3 * text.len()
    } else {
        text.len()
    };
    assert!(json.memory() < most, "{}", json.memory());
}

#[test]
fn a_scalar_is_plain_only_if_it_is_what_a_parser_reads() {
    let plain = ["\"\"", "\"a b~\"", "0", "-5", "true", "false", "null"];
    for text in plain {
        let parsed = Json::parse(text.as_bytes()).expect("it is right");
        let scalar = plain_scalar(text.as_bytes());
        assert_eq!(scalar, Some(parsed.view().atom()), "{text}");
    }
    let others = [
        "\"\\n\"",
        "\"a\"b\"",
        "\"é\"",
        "\"\t\"",
        "\"",
        "-0",
        "007",
        "+1",
        "1 ",
        "[1]",
        "nul",
        "",
        "12345678901234567890",
        "1.5",
    ];
    for text in others {
        assert_eq!(plain_scalar(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn moving_a_document_changes_nothing() {
    let bins = Bins::new();
    for seed in 0..100 {
        let mut rng = Rng::from_seed(seed);
        let text = Plain::random(&mut rng, 0).text();
        let mut json = Json::parse(text.as_bytes()).expect("it is right");
        let blocks = json.weight() as u64;
        let relocate = |json: &mut Json| {
            let mut mover = Mover::of_all(&bins);
            let (mut from, mut steps) = (json.relocate(&mut mover, 0), 1);
            while from != 0 {
                from = json.relocate(&mut mover, from);
                steps += 1;
            }
            (mover.moved, steps)
        };
        let (moved, steps) = relocate(&mut json);
        assert!(moved >= blocks, "{moved} of {blocks}");
        assert!(steps >= blocks / 2, "a large one is moved step by step");
        validate(&json);
        assert_eq!(json.text(), text.as_bytes());
        let copy = json.clone();
        assert_eq!(relocate(&mut json).0, 0, "what is shared stays");
        assert_eq!(copy.text(), text.as_bytes());
    }
}

/// Files have the text, so what comes from one has to be what was kept, to the last bit.
#[test]
fn numbers_of_fewer_bits_are_the_same_from_their_text() {
    let mut rng = Rng::from_seed(4);
    for precision in Precision::ALL {
        for _ in 0..50 {
            let numbers: Vec<String> = (0..20)
                .map(|_| {
                    format!(
                        "{:e}",
                        (rng.f64() - 0.5) * 10_f64.powi(rng.below(8) as i32 - 4)
                    )
                })
                .collect();
            let text = format!("{{\"a\":[[{}]],\"b\":0.1}}", numbers.join(","));
            let mut reader = Reader::new(None).with_precision(Some(precision));
            let input = reader.read(text.as_bytes()).expect("it is right");
            let json = reader.into_json(input);
            let again = Json::parse(&json.text()).expect("it is right");
            let (one, other) = ((json.view(), json.names()), (again.view(), again.names()));
            assert!(are_equal(one, other));
            assert_eq!(json.text(), again.text());
        }
    }
}
