//! The tests that redis-benchmark knows, by the names it gives them.

use std::os::unix::ffi::OsStrExt;

use super::options::Options;

/// One test: requests of one kind, over and over.
pub(super) struct Test {
    pub(super) title: String,
    /// The words of the request; [`RANDOM`] and [`DATA`] in them stand for something else each time.
    pub(super) words: Vec<Vec<u8>>,
    /// As a line of words, as a person at a terminal would type it.
    pub(super) is_inline: bool,
}

/// Twelve digits, below the size of the key space; itself where no key space was named.
pub(super) const RANDOM: &[u8] = b"__rand_int__";
/// A value of the size that was asked for.
pub(super) const DATA: &[u8] = b"__data__";

/// The name to choose it by, the title, and the words. `SCORE` is a random number too, or 0.
const ROWS: [(&str, &str, &str); 20] = [
    ("ping_inline", "PING_INLINE", "PING"),
    ("ping_mbulk", "PING_MBULK", "PING"),
    ("set", "SET", "SET key:__rand_int__ __data__"),
    ("get", "GET", "GET key:__rand_int__"),
    ("incr", "INCR", "INCR counter:__rand_int__"),
    ("lpush", "LPUSH", "LPUSH mylist __data__"),
    ("rpush", "RPUSH", "RPUSH mylist __data__"),
    ("lpop", "LPOP", "LPOP mylist"),
    ("rpop", "RPOP", "RPOP mylist"),
    ("sadd", "SADD", "SADD myset element:__rand_int__"),
    ("hset", "HSET", "HSET myhash element:__rand_int__ __data__"),
    ("spop", "SPOP", "SPOP myset"),
    ("zadd", "ZADD", "ZADD myzset SCORE element:__rand_int__"),
    ("zpopmin", "ZPOPMIN", "ZPOPMIN myzset"),
    (
        "lrange_100",
        "LRANGE_100 (first 100 elements)",
        "LRANGE mylist 0 99",
    ),
    (
        "lrange_300",
        "LRANGE_300 (first 300 elements)",
        "LRANGE mylist 0 299",
    ),
    (
        "lrange_500",
        "LRANGE_500 (first 500 elements)",
        "LRANGE mylist 0 499",
    ),
    (
        "lrange_600",
        "LRANGE_600 (first 600 elements)",
        "LRANGE mylist 0 599",
    ),
    ("mset", "MSET (10 keys)", "MSET"),
    ("xadd", "XADD", "XADD mystream * myfield __data__"),
];

/// Fills the list that the LRANGE tests read; runs once before the first of them.
const FILLS_LIST: (&str, &str) = (
    "LPUSH (needed to benchmark LRANGE)",
    "LPUSH mylist __data__",
);

/// The tests that were asked for, in their own order: all of them if nothing was; or the one command.
pub(super) fn chosen(options: &Options) -> Result<Vec<Test>, String> {
    if !options.command.is_empty() {
        let words: Vec<Vec<u8>> = options
            .command
            .iter()
            .map(|word| word.as_bytes().to_vec())
            .collect();
        let title = String::from_utf8_lossy(&words.join(&b' ')).into_owned();
        return Ok(vec![Test {
            title,
            words,
            is_inline: false,
        }]);
    }
    let names: Vec<String> = options
        .tests
        .iter()
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    if let Some(unknown) = names
        .iter()
        .find(|name| !ROWS.iter().any(|row| is_meant(row.0, name)))
    {
        let known: Vec<&str> = ROWS.iter().map(|row| row.0).collect();
        return Err(format!(
            "there is no test {unknown}; there are {}",
            known.join(", ")
        ));
    }
    let mut plan = Vec::new();
    let mut has_list = false;
    for (name, title, words) in ROWS {
        if !names.is_empty() && !names.iter().any(|wanted| is_meant(name, wanted)) {
            continue;
        }
        if name.starts_with("lrange") && !has_list {
            has_list = true;
            plan.push(Test::of(FILLS_LIST.0, FILLS_LIST.1, options));
        }
        plan.push(Test {
            is_inline: name == "ping_inline",
            ..Test::of(title, words, options)
        });
    }
    Ok(plan)
}

/// A test goes by its name, or by the first part of it.
fn is_meant(name: &str, wanted: &str) -> bool {
    name == wanted
        || name
            .split_once('_')
            .is_some_and(|(family, _)| family == wanted)
}

impl Test {
    fn of(title: &str, words: &str, options: &Options) -> Test {
        let score: &[u8] = if options.keyspace.is_some() {
            RANDOM
        } else {
            b"0"
        };
        let word = |word: &str| {
            if word == "SCORE" {
                score.to_vec()
            } else {
                word.as_bytes().to_vec()
            }
        };
        let mut words: Vec<Vec<u8>> = words.split(' ').map(word).collect();
        if words == [b"MSET"] {
            for _ in 0..10 {
                words.push([b"key:", RANDOM].concat());
                words.push(DATA.to_vec());
            }
        }
        Test {
            title: title.to_owned(),
            words,
            is_inline: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(words: &[&str]) -> Result<Vec<String>, String> {
        let words: Vec<Vec<u8>> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        let options = Options::understand(&words).map_err(|error| error.to_string())?;
        Ok(chosen(&options)?
            .into_iter()
            .map(|test| test.title)
            .collect())
    }

    #[test]
    fn tests_go_by_their_names_and_families() {
        assert_eq!(
            titles(&["-t", "GET,set"]),
            Ok(vec!["SET".into(), "GET".into()])
        );
        assert_eq!(
            titles(&["-t", "ping"]),
            Ok(vec!["PING_INLINE".into(), "PING_MBULK".into()])
        );
        let list = titles(&["-t", "lrange_300"]).expect("known");
        assert_eq!(
            list,
            [
                "LPUSH (needed to benchmark LRANGE)",
                "LRANGE_300 (first 300 elements)"
            ]
        );
        assert_eq!(titles(&[]).expect("all").len(), ROWS.len() + 1);
        assert!(
            titles(&["-t", "sett"]).is_err_and(|text| text.starts_with("there is no test sett;"))
        );
    }

    #[test]
    fn a_command_stands_for_itself() {
        assert_eq!(
            titles(&["-c", "1", "EVAL", "return 1", "-1"]),
            Ok(vec!["EVAL return 1 -1".into()])
        );
    }
}
