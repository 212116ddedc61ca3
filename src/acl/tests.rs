//! Users as a whole: rules in, rules out, questions between.

use super::file;
use super::*;
use crate::base::rng::Rng;

fn user(rules: &str) -> User {
    let words = rules.split(' ').map(str::as_bytes);
    let rules = joined(words).expect("balanced");
    User::new(false)
        .with(&rules, false)
        .unwrap_or_else(|(rule, why)| panic!("{}: {}", String::from_utf8_lossy(rule), why.text()))
}

fn denial(user: &User, request: &str) -> Option<Denial> {
    denial_in(user, request, 0)
}

fn denial_in(user: &User, request: &str, db: u16) -> Option<Denial> {
    let words: Vec<&[u8]> = request.split(' ').map(str::as_bytes).collect();
    let name = [words[0], words.get(1).copied().unwrap_or_default()].join(&b'|');
    let command = commands::named(&name)
        .or_else(|| commands::named(words[0]))
        .expect(request);
    user.denial(&Asked {
        spec: command.spec,
        number: command.number,
        words: words.as_slice() as &[&[u8]],
        place: Whereabouts { db, count: 4 },
    })
}

#[test]
fn one_selector_has_to_allow_all_of_a_request() {
    let user = user("+get +copy ~a &news (+set ~b) (+publish &old*) (%R~r %W~w +copy)");
    for request in [
        "GET a",
        "SET b x",
        "PUBLISH older x",
        "COPY a a",
        "COPY r w",
        "AUTH x",
        "PING",
    ] {
        let expected = (request == "PING").then_some(Denial::Command);
        assert_eq!(denial(&user, request), expected, "{request}");
    }
    let denied = [
        ("GET b", Denial::Key(1)),
        ("SET a x", Denial::Key(1)),
        ("COPY r a", Denial::Key(2)),
        ("COPY w r", Denial::Key(1)),
        ("PUBLISH news x", Denial::Channel(1)),
        ("DEL a", Denial::Command),
    ];
    for (request, expected) in denied {
        assert_eq!(denial(&user, request), Some(expected), "{request}");
    }
}

#[test]
fn a_selector_may_be_confined_to_databases() {
    let user = user("+@all -del ~* &* db=0,2 (+get +select ~a db=1)");
    let allowed = [
        ("GET x", 0),
        ("GET x", 2),
        ("GET a", 1),
        ("SELECT 1", 3),
        ("SELECT 9", 3),
        ("MOVE a 2", 0),
        ("MOVE a 9", 0),
        ("COPY a b DB 2 REPLACE", 0),
        ("SWAPDB 0 2", 3),
        ("SWAPDB 3 9", 3),
        ("PING", 3),
        ("PUBLISH c x", 3),
        ("INFO", 3),
    ];
    for (request, db) in allowed {
        assert_eq!(denial_in(&user, request, db), None, "{request} in {db}");
    }
    let denied = [
        ("GET x", 1, Denial::Key(1)),
        ("GET a", 3, Denial::Database(0)),
        ("SET a x", 1, Denial::Command),
        ("DEL a", 0, Denial::Command),
        ("KEYS *", 3, Denial::Database(0)),
        ("DBSIZE", 3, Denial::Database(0)),
        ("EVAL x 0", 3, Denial::Database(0)),
        ("SELECT 3", 0, Denial::Database(1)),
        ("MOVE a 3", 0, Denial::Database(2)),
        ("MOVE a 0", 3, Denial::Database(2)),
        ("COPY a b DB 2 DB 3", 0, Denial::Database(6)),
        ("COPY a b DB 2", 3, Denial::Database(4)),
        ("COPY a b", 3, Denial::Database(0)),
        ("SWAPDB 0 3", 0, Denial::Database(2)),
        ("FLUSHALL", 0, Denial::Database(0)),
    ];
    for (request, db, expected) in denied {
        assert_eq!(
            denial_in(&user, request, db),
            Some(expected),
            "{request} in {db}"
        );
    }
    let everywhere = self::user("+flushall db=0,1,2,3");
    assert_eq!(denial_in(&everywhere, "FLUSHALL", 0), None);
    for (rule, expected) in [
        ("db=", Misrule::Syntax),
        ("db=1,", Misrule::Syntax),
        ("db=1,,2", Misrule::Syntax),
        ("db=x", Misrule::Syntax),
        ("db=-1", Misrule::NoSuchDatabase),
        ("db=2147483648", Misrule::NoSuchDatabase),
    ] {
        assert_eq!(
            User::new(false).apply(rule.as_bytes(), false),
            Err(expected),
            "{rule}"
        );
    }
}

#[test]
fn a_user_that_may_do_everything_is_known_for_it() {
    assert!(user("+@all ~* &*").is_unrestricted());
    assert!(user("(+@all ~* &*)").is_unrestricted());
    assert!(user("+@all -get +get ~* &*").is_unrestricted());
    assert!(user("+@all ~* &* db=0 alldbs").is_unrestricted());
    for rules in [
        "+@all ~*",
        "+@all ~* &* db=0,1",
        "+@all ~* &* resetdbs",
        "+@all &* ~a",
        "+@all -get ~* &*",
        "+@all ~a &* (+@all ~b &*)",
        "+@read ~* &*",
    ] {
        assert!(!user(rules).is_unrestricted(), "{rules}");
    }
}

/// Goal: whatever rules a user has, its description gives the same user again.
#[test]
fn a_description_read_again_is_the_same_user() {
    let pieces = [
        "on",
        "off",
        "nopass",
        ">a",
        ">b",
        "+@all",
        "-@all",
        "+get",
        "-get",
        "+@read",
        "-@write",
        "+config|get",
        "-config",
        "+config",
        "+select|0",
        "~a*",
        "%R~a*",
        "%W~b",
        "allkeys",
        "resetkeys",
        "&c",
        "&d*",
        "allchannels",
        "resetchannels",
        "(+get ~x)",
        "(%W~y +@all -@dangerous &z)",
        "clearselectors",
        "reset",
        "+@pubsub",
        "skip-sanitize-payload",
        "sanitize-payload",
        "+client|id",
        "-client|list",
        "db=0",
        "DB=3,1,1",
        "resetdbs",
        "alldbs",
        "(db=2 +@all ~*)",
    ];
    let mut rng = Rng::from_seed(7);
    for _ in 0..5000 {
        let mut user = User::new(false);
        for _ in 0..rng.below(12) {
            let rule = pieces[rng.below(pieces.len() as u64) as usize];
            // A pattern behind all patterns is refused, and changes nothing.
            let before = user.clone();
            if user.apply(rule.as_bytes(), false).is_err() {
                assert_eq!(user, before, "{rule}");
            }
        }
        let text = user.describe();
        let words = joined(text.split(|byte| *byte == b' ')).expect("balanced");
        let again = User::new(false).with(&words, false).map_err(|(_, why)| why);
        let shown = String::from_utf8_lossy(&text).into_owned();
        assert_eq!(again.as_ref().map(User::describe), Ok(text), "{shown}");
        assert_eq!(again.as_ref(), Ok(&user), "{shown}");
    }
}

#[test]
fn a_file_is_taken_as_a_whole() {
    let users = file::read(b"user a on ~x +get\n\n  user b (+set ~y)  \r\n", "f", false).unwrap();
    assert_eq!(users.len(), 2);
    let mut all = Users::default();
    let bystander = all.identity(DEFAULT).unwrap();
    all.put(b"old", user("on"));
    let old = all.identity(b"old").unwrap();
    assert_eq!(all.replace_all(users).len(), 1);
    assert!(all.get(&old).is_none() && all.get(&bystander).is_some());
    let text = String::from_utf8(all.text()).unwrap();
    assert_eq!(
        text,
        "user a on sanitize-payload ~x resetchannels -@all +get\n\
         user b off sanitize-payload resetchannels -@all (~y resetchannels -@all +set)\n\
         user default on nopass sanitize-payload ~* &* +@all\n"
    );
    let read = file::read(text.as_bytes(), "f", false).unwrap();
    all.replace_all(read);
    assert_eq!(String::from_utf8(all.text()).unwrap(), text);
    let mistakes = file::read(
        b"user a +nosuch >secret #bad\nnouser x\nuser a\nuser b (+get",
        "f",
        false,
    );
    assert_eq!(
        String::from_utf8(mistakes.unwrap_err()).unwrap(),
        "f:1: Error in applying operation '+nosuch': Unknown command or category name in ACL. \
         f:1: The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters. \
         f:2 should start with user keyword followed by the username. \
         WARNING: Duplicate user 'a' found on line 3. \
         f:4: Unmatched parenthesis in selector definition.\
         WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
    );
}

#[test]
fn names_and_passwords_belong_together() {
    let mut users = Users::default();
    users.put(b"alice", user("on >one >two"));
    users.put(b"bob", user("off >one"));
    users.put(b"carol", user("on nopass"));
    let knows = |users: &Users, name: &str, password: &str| {
        users
            .authenticate(name.as_bytes(), password.as_bytes())
            .is_some()
    };
    assert!(
        knows(&users, "alice", "one")
            && knows(&users, "alice", "two")
            && knows(&users, "carol", "any")
    );
    assert!(
        !knows(&users, "alice", "three")
            && !knows(&users, "bob", "one")
            && !knows(&users, "dave", "one")
    );
    assert!(!users.needs_password());
    users.set_default_password(b"pw");
    assert!(
        users.needs_password() && knows(&users, "default", "pw") && !knows(&users, "default", "")
    );
    users.set_default_password(b"");
    assert!(!users.needs_password());
}

#[test]
fn a_session_has_to_go_when_its_user_has_lost_a_channel() {
    let before = user("&a &b (&c)");
    assert!(user("&a &b &c &d").narrowed_channels(&before).is_none());
    assert!(user("allchannels").narrowed_channels(&before).is_none());
    assert_eq!(
        user("&a &b").narrowed_channels(&before),
        Some(vec![&b"a"[..], b"b"])
    );
    assert!(user("&a").narrowed_channels(&user("allchannels")).is_some());
    assert!(covers_channel(&[b"n*"], b"news", false) && !covers_channel(&[b"n*"], b"news", true));
}
