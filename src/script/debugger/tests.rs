use std::collections::VecDeque;
use std::fmt::Write as _;

use crate::base::output::Output;
use crate::script::interpreter::{Deprecated, Interpreter};
use crate::script::{Heard, Host, Pulse, Refused, Replication};
use crate::wire::args::Args;
use crate::wire::reply::Protocol;

/// A client that says these things one after the other, and remembers what it is told.
struct Client {
    says: VecDeque<Vec<u8>>,
    told: String,
}

impl Client {
    fn new(says: &[&str]) -> Self {
        let request = |line: &&str| {
            let words: Vec<_> = line.split('|').collect();
            let mut bytes = format!("*{}\r\n", words.len());
            for word in words {
                write!(bytes, "${}\r\n{word}\r\n", word.len()).expect("a string takes it");
            }
            bytes.into_bytes()
        };
        Self {
            says: says.iter().map(request).collect(),
            told: String::new(),
        }
    }
}

impl Host for Client {
    fn call(&mut self, args: Args<'_>, _: Protocol, out: &mut Output) -> Result<(), Refused> {
        match args.name() {
            b"NONE" => Err(Refused(b"ERR no such command".into())),
            b"FAIL" => {
                out.push(b"-WRONG kind\r\n");
                Ok(())
            }
            _ => {
                out.push(b"$2\r\nhi\r\n");
                Ok(())
            }
        }
    }

    fn log(&mut self, _: log::Level, _: &[u8]) {}

    fn replicate(&mut self, _: Replication) {}

    fn may_call(&mut self, _: Args<'_>) -> Result<bool, &'static str> {
        Ok(true)
    }

    fn pulse(&mut self) -> Pulse {
        Pulse::GoesOn
    }

    fn tell(&mut self, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        let lines = text.lines().filter_map(|line| line.strip_prefix('+'));
        lines.for_each(|line| {
            self.told += line;
            self.told.push('\n');
        });
    }

    fn hear(&mut self, heard: &mut Vec<u8>) -> Heard {
        match self.says.pop_front() {
            Some(bytes) => {
                heard.extend_from_slice(&bytes);
                Heard::Something
            }
            None => Heard::Nobody,
        }
    }
}

/// What a client is told of a script, and how that ends.
fn session(script: &str, says: &[&str]) -> (String, String) {
    let interpreter = Interpreter::new(Deprecated::Hidden);
    let code = interpreter.compile(script.as_bytes()).expect("a script");
    let mut client = Client::new(says);
    interpreter.watch(script.as_bytes());
    let ran = interpreter.run(code, Args::EMPTY, Args::EMPTY, &mut client);
    let end = match ran {
        Ok(_) => "done".to_owned(),
        Err(failure) => String::from_utf8_lossy(&failure.text).into_owned(),
    };
    let rest = interpreter.end_watch().take();
    client.tell(&rest);
    interpreter.forget(code);
    (client.told, end)
}

#[test]
fn steps_show_lines_commands_and_replies() {
    let script =
        "local a = 1\nredis.call('GET', 'k')\nredis.pcall('FAIL')\nredis.pcall('NONE')\nreturn a";
    let (told, end) = session(script, &["s", "n", "step", "next", "c"]);
    assert_eq!(
        told,
        "* Stopped at 1, stop reason = step over
-> 1   local a = 1
* Stopped at 2, stop reason = step over
-> 2   redis.call('GET', 'k')
<redis> GET k
<reply> \"hi\"
* Stopped at 3, stop reason = step over
-> 3   redis.pcall('FAIL')
<redis> FAIL
<error> -WRONG kind
<reply> \"-WRONG kind\"
* Stopped at 4, stop reason = step over
-> 4   redis.pcall('NONE')
<redis> NONE
<error> no such command
* Stopped at 5, stop reason = step over
-> 5   return a
"
    );
    assert_eq!(end, "done");
}

#[test]
fn breakpoints_stop_a_script_that_runs() {
    let script = "local n = 0\nfor i = 1, 3 do\n  n = n + i\nend\nredis.breakpoint()\nreturn n";
    let says = ["b|3", "c", "print", "p|n", "b|-3|9", "c", "p|n|x", "c"];
    let (told, _) = session(script, &says);
    assert_eq!(
        told,
        "* Stopped at 1, stop reason = step over
-> 1   local n = 0
   2   for i = 1, 3 do
  #3     n = n + i
   4   end
* Stopped at 3, stop reason = break point
->#3     n = n + i
<value> n = 0
<value> (for index) = 1
<value> (for limit) = 3
<value> (for step) = 1
<value> i = 1
<value> 0
Breakpoint removed.
Wrong line number.
* Stopped at 6, stop reason = redis.breakpoint() called
-> 6   return n
<value> n = 6
"
    );
}

#[test]
fn frames_values_and_texts_beside_the_script() {
    let script = "local function f(t)\n  local u = t\n  redis.debug(u, 'x')\n  return u\nend\nlocal r = f({1, {a = true}})\nreturn r";
    let says = [
        "b|4",
        "c",
        "t",
        "p|t",
        "p|none",
        "e|1 +|1",
        "e|t",
        "e|error('x', 0)",
        "r|GET|k",
        "c",
    ];
    let (told, _) = session(script, &says);
    let told: Vec<_> = told.lines().skip(5).collect();
    assert_eq!(
        told,
        [
            "<debug> line 3: {1; {[\"a\"]=true}}, \"x\"",
            "* Stopped at 4, stop reason = break point",
            "->#4     return u",
            "In f:",
            "->#4     return u",
            "From top level:",
            "   6   local r = f({1, {a = true}})",
            "<value> {1; {[\"a\"]=true}}",
            "No such variable.",
            "<retval> 2",
            "<error> ldb_eval:1: Script attempted to access nonexistent global variable 't'",
            "<error> x",
            "<redis> GET k",
            "<reply> \"hi\"",
        ]
    );
}

#[test]
fn a_session_ends_by_order_by_an_error_or_with_its_client() {
    let script = "local a = 1\nreturn a";
    for (says, expected) in [
        (&["abort"][..], "ERR script aborted for user request"),
        (&[""], "ERR protocol error"),
        (&["s"], "done"),
        (&[], "done"),
    ] {
        assert_eq!(session(script, says).1, expected, "{says:?}");
    }
}

#[test]
fn tables_without_an_end_are_cut() {
    let script = "local t = {}\nfor i = 1, 10 do t[i] = t end\nreturn 1";
    let (told, _) = session(script, &["b|3", "c", "p|t", "m|0", "p|t", "c"]);
    assert!(told.contains(" ...\n<hint> The above reply was trimmed."));
    assert!(told.len() < 10 << 20);
}

/// Nothing that a client sends makes a debugger panic or wait for what has come already.
#[test]
fn any_bytes_are_a_request_or_none() {
    use super::request::{Request, read};
    let mut rng = crate::base::rng::Rng::from_seed(7);
    for _ in 0..20_000 {
        let mut bytes = b"*2\r\n$3\r\nabc\r\n$1\r\nx\r\n".to_vec();
        for _ in 0..rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = b"*$\r\n0159ax-"[rng.below(11) as usize];
        }
        let whole = read(&bytes);
        for end in 0..bytes.len() {
            let part = read(&bytes[..end]);
            assert!(part == Request::Partial || part == whole || part == Request::Wrong);
        }
    }
}
