//! The functions of Rust's that the prelude builds `redis` from.
//!
//! They are called by scripts directly and not by way of functions of Lua's, for Lua forgets who called when a function
//! ends in a call (`return redis.call(...)`), and an error has to say where the script was.
//!
//! Lua may jump over every function here (see `seat`): what it owns is gone before Lua is asked for memory.

use mlua::{Function, Lua, Result, Table, Value};

use crate::base::double::push_f64;
use crate::base::num::format_i64;
use crate::base::output::Output;
use crate::spec::REDIS_VERSION;
use crate::wire::args::OwnedArgs;
use crate::wire::reply::Protocol;

use super::debugger::{self, Arguments};
use super::errors::{self, fail};
use super::name::name_of;
use super::random::Random;
use super::seat::{Ended, Kind, Raise, Shared, Stack, build, rebound, set_walls, walled};
use super::to_reply::{truncated, without_line_end};
use super::{Replication, from_reply, libs};

/// Levels of `redis.log`, and readers for `redis.set_repl`.
const CONSTANTS: &[(&[u8], f64)] = &[
    (b"LOG_DEBUG", 0.0),
    (b"LOG_VERBOSE", 1.0),
    (b"LOG_NOTICE", 2.0),
    (b"LOG_WARNING", 3.0),
    (b"REPL_NONE", 0.0),
    (b"REPL_AOF", 1.0),
    (b"REPL_SLAVE", 2.0),
    (b"REPL_REPLICA", 2.0),
    (b"REPL_ALL", 3.0),
];

/// Functions of Lua's base library that a wall must not mislead, and whether they write.
const WALLED: &[(&str, bool)] = &[
    ("next", false),
    ("rawget", false),
    ("rawset", true),
    ("setmetatable", true),
];

/// Functions of Lua's table library that only read.
const READERS: &[&str] = &["concat", "foreach", "foreachi", "getn", "maxn"];

/// Everything that the prelude asks for, in one table.
pub(super) fn host(lua: &Lua, shared: &Shared) -> Result<Table> {
    let redis: Table = build(lua, |stack| push_redis(stack, shared))?;
    redis.set("REDIS_VERSION", REDIS_VERSION)?;
    // A byte for each part: 8.0.6 is 0x080006.
    let number = REDIS_VERSION.split('.').fold(0, |number, part| {
        number << 8 | part.parse::<u32>().unwrap_or_default()
    });
    redis.set("REDIS_VERSION_NUM", number)?;
    let host: Table = build(lua, |stack| {
        stack.push_table(0, 8);
        add(stack, shared, b"pcall", errors::pcall);
        add(stack, shared, b"xpcall", errors::xpcall);
        add(stack, shared, b"handle", errors::handle);
        add(stack, shared, b"unpack", unpack);
        add(stack, shared, b"random", random);
        add(stack, shared, b"randomseed", randomseed);
    })?;
    host.set("redis", redis)?;
    // What stands behind each wall.
    let walls = lua.create_table()?;
    set_walls(lua, &walls)?;
    for (name, writes) in WALLED {
        let original = lua.globals().get(*name)?;
        host.set(*name, walled(lua, original, *writes)?)?;
    }
    // Its iterator is the `next` that sees what lies behind a wall.
    let pairs = rebound(lua, lua.globals().get("pairs")?, host.get("next")?)?;
    host.set("pairs", pairs)?;
    host.set("walls", walls)?;
    host.set("libraries", libraries(lua)?)?;
    host.set("table", table_library(lua)?)?;
    Ok(host)
}

/// Adds a function to the table on top.
fn add<F>(stack: Stack, shared: &Shared, name: &[u8], body: F)
where
    F: Fn(Stack, &Shared) -> Ended,
{
    stack.push_function(body, shared);
    stack.set_field(-2, name);
}

/// The table `redis`.
fn push_redis(stack: Stack, shared: &Shared) {
    stack.push_table(0, 32);
    add(stack, shared, b"call", |stack, shared| {
        command(stack, shared, true)
    });
    add(stack, shared, b"pcall", |stack, shared| {
        command(stack, shared, false)
    });
    add(stack, shared, b"log", log);
    add(stack, shared, b"setresp", setresp);
    add(stack, shared, b"set_repl", set_repl);
    add(stack, shared, b"acl_check_cmd", acl_check_cmd);
    add(stack, shared, b"sha1hex", sha1hex);
    add(stack, shared, b"error_reply", error_reply);
    add(stack, shared, b"status_reply", status_reply);
    add(stack, shared, b"replicate_commands", |stack, _| {
        stack.push_boolean(true);
        Ok(1)
    });
    add(stack, shared, b"breakpoint", |stack, shared| {
        let is_debugged = shared.watch.is_on.get();
        shared.watch.is_called.set(is_debugged);
        stack.push_boolean(is_debugged);
        Ok(1)
    });
    add(stack, shared, b"debug", |stack, shared| {
        Arguments::note(stack, shared);
        Ok(0)
    });
    for &(name, value) in CONSTANTS {
        stack.push_number(value);
        stack.set_field(-2, name);
    }
}

fn libraries(lua: &Lua) -> Result<Table> {
    libs::install(lua)?;
    let table = lua.create_table()?;
    for name in ["bit", "cjson", "cmsgpack", "struct"] {
        table.set(name, lua.globals().get::<Value>(name)?)?;
    }
    Ok(table)
}

/// Lua's table library, whose functions are of C and would not see a wall.
fn table_library(lua: &Lua) -> Result<Table> {
    let original: Table = lua.globals().get("table")?;
    let library = lua.create_table()?;
    for pair in original.pairs::<String, Function>() {
        let (name, mut function) = pair?;
        if name == "insert" || READERS.contains(&&*name) {
            function = walled(lua, function, name == "insert")?;
        }
        library.set(name, function)?;
    }
    Ok(library)
}

/// What became of a command.
enum Said {
    /// There is a reply.
    Reply,
    /// It was refused, and the buffer of replies has the text; whether the statistics have seen it.
    Refusal { is_counted: bool },
}

/// `redis.call` raises the error of a command, `redis.pcall` returns it.
fn command(stack: Stack, shared: &Shared, raises: bool) -> Ended {
    let said = shared
        .buffers
        .fill(|args, out| run(stack, shared, args, out));
    let reply = shared.buffers.reply();
    if shared.watch.steps.get() {
        note(shared, &said);
    }
    match said {
        Said::Reply if raises && reply.first() == Some(&b'-') => {
            let end = memchr::memchr(b'\r', reply).unwrap_or(reply.len());
            errors::push_counted(stack, &reply[1..end]);
            Err(Raise)
        }
        Said::Reply => from_reply::push(stack, reply).map(|()| 1),
        Said::Refusal { is_counted: false } if raises => errors::refuse(stack, reply),
        Said::Refusal { is_counted: false } => {
            errors::push(stack, reply);
            Ok(1)
        }
        Said::Refusal { is_counted: true } => {
            errors::push_counted(stack, reply);
            if raises { Err(Raise) } else { Ok(1) }
        }
    }
}

/// Notes a command for a client that sees each step.
#[cold]
fn note(shared: &Shared, said: &Said) {
    let (args, reply) = (shared.buffers.args(), shared.buffers.reply());
    match said {
        Said::Reply => debugger::note_call(shared, args, Ok(reply)),
        Said::Refusal { is_counted: true } => debugger::note_call(shared, args, Err(reply)),
        Said::Refusal { is_counted: false } => debugger::note_error(shared, reply),
    }
}

/// Raises an error that the statistics have not seen.
fn refuse(stack: Stack, shared: &Shared, text: &[u8]) -> Ended {
    debugger::note_error(shared, text);
    errors::refuse(stack, text)
}

/// Runs a command.
fn run(stack: Stack, shared: &Shared, args: &mut OwnedArgs, out: &mut Output) -> Said {
    if let Err(text) = collect(args, stack) {
        out.push(text);
        return Said::Refusal { is_counted: false };
    }
    let protocol = shared.spoken.get();
    match shared.ask(|host| host.call(args.as_args(), protocol, out)) {
        Some(Ok(())) => Said::Reply,
        Some(Err(refusal)) => {
            out.push(&refusal.0);
            Said::Refusal { is_counted: true }
        }
        None => {
            out.clear();
            out.push(b"ERR redis.call can only be used by a script");
            Said::Refusal { is_counted: false }
        }
    }
}

/// The arguments of a command, which may be strings and numbers.
fn collect(args: &mut OwnedArgs, stack: Stack) -> std::result::Result<(), &'static [u8]> {
    let count = stack.top();
    if count == 0 {
        return Err(b"ERR Please specify at least one argument for this redis lib call");
    }
    for at in 1..=count {
        if let Some(text) = stack.bytes(at) {
            args.push(text);
        } else if let Some(number) = stack.number(at) {
            push_number(args, number);
        } else {
            return Err(b"ERR Lua redis lib command arguments must be strings or integers");
        }
    }
    Ok(())
}

fn push_number(args: &mut OwnedArgs, number: f64) {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if number.fract() == 0.0 && (-LIMIT..LIMIT).contains(&number) {
        args.push(format_i64(number as i64, &mut [0; 20]));
    } else if number.is_nan() && number.is_sign_negative() {
        args.push(b"-nan");
    } else {
        let mut text = Vec::with_capacity(24);
        push_f64(&mut text, number);
        args.push(&text);
    }
}

/// `redis.log(level, text, ...)`; returns an error or nothing, as the functions after it.
fn log(stack: Stack, shared: &Shared) -> Ended {
    let count = stack.top();
    if count < 2 {
        return refuse(
            stack,
            shared,
            b"ERR redis.log() requires two arguments or more.",
        );
    }
    let level = match stack.read_number(1).map(|number| number as i64) {
        None => {
            return refuse(
                stack,
                shared,
                b"ERR First argument must be a number (log level).",
            );
        }
        Some(0) => log::Level::Trace,
        Some(1) => log::Level::Debug,
        Some(2) => log::Level::Info,
        Some(3) => log::Level::Warn,
        Some(_) => return refuse(stack, shared, b"ERR Invalid log level."),
    };
    for at in 2..=count {
        stack.make_string(at);
    }
    let mut text = Vec::new();
    for at in 2..=count {
        let Some(word) = stack.bytes(at) else {
            continue;
        };
        if at > 2 {
            text.push(b' ');
        }
        text.extend_from_slice(word);
    }
    shared.ask(|host| host.log(level, &text));
    Ok(0)
}

/// `redis.setresp(2 | 3)`
fn setresp(stack: Stack, shared: &Shared) -> Ended {
    if stack.top() != 1 {
        return refuse(stack, shared, b"ERR redis.setresp() requires one argument.");
    }
    let protocol = match stack.read_number(1).map(|number| number as i64) {
        Some(2) => Protocol::Resp2,
        Some(3) => Protocol::Resp3,
        _ => return refuse(stack, shared, b"ERR RESP version must be 2 or 3."),
    };
    shared.spoken.set(protocol);
    Ok(0)
}

/// `redis.set_repl(flags)`
fn set_repl(stack: Stack, shared: &Shared) -> Ended {
    if stack.top() != 1 {
        return refuse(
            stack,
            shared,
            b"ERR redis.set_repl() requires one argument.",
        );
    }
    let to = match stack.read_number(1).map_or(0, |number| number as i64) {
        0 => Replication::Nobody,
        1 => Replication::Log,
        2 => Replication::Replicas,
        3 => Replication::All,
        _ => {
            return refuse(
                stack,
                shared,
                b"ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            );
        }
    };
    shared.ask(|host| host.replicate(to));
    Ok(0)
}

/// `redis.acl_check_cmd(command, ...)`: whether the command is allowed.
fn acl_check_cmd(stack: Stack, shared: &Shared) -> Ended {
    let verdict = shared.buffers.fill(|args, _| {
        collect(args, stack)?;
        let verdict = shared.ask(|host| host.may_call(args.as_args()));
        verdict.unwrap_or(Ok(false)).map_err(str::as_bytes)
    });
    match verdict {
        Ok(is_allowed) => {
            stack.push_boolean(is_allowed);
            Ok(1)
        }
        Err(text) => refuse(stack, shared, text),
    }
}

/// `redis.sha1hex(text)`
fn sha1hex(stack: Stack, shared: &Shared) -> Ended {
    if stack.top() != 1 {
        return refuse(stack, shared, b"ERR wrong number of arguments");
    }
    stack.make_string(1);
    stack.push_bytes(&name_of(stack.bytes(1).unwrap_or_default()));
    Ok(1)
}

/// `unpack(list [, first [, last]])`. Lua's own counts the results with a sign, and writes beyond its stack where there
/// are more than that can hold.
fn unpack(stack: Stack, _: &Shared) -> Ended {
    stack.check_table(1);
    let is_given = |at: i32| !matches!(stack.kind(at), Kind::None | Kind::Nil);
    let number = |at: i32| truncated(stack.number_argument(at)) as i32;
    let first = if is_given(2) { number(2) } else { 1 };
    let last = if is_given(3) {
        number(3)
    } else {
        stack.element_count(1) as i32
    };
    if first > last {
        return Ok(0);
    }
    let count = i64::from(last) - i64::from(first) + 1;
    let count = i32::try_from(count)
        .ok()
        .filter(|&count| stack.has_room(count));
    let Some(count) = count else {
        return fail(stack, b"too many results to unpack");
    };
    for at in first..=last {
        stack.push_at(1, at);
    }
    Ok(count)
}

/// `math.random([low,] high)`, with the numbers of our own generator.
fn random(stack: Stack, shared: &Shared) -> Ended {
    let mut random = shared.random.get();
    let fraction = random.fraction();
    shared.random.set(random);
    // As C converts it: what does not fit a word is the smallest one, and of that the lower half counts.
    let bound = |at: i32| truncated(stack.number_argument(at)) as i32;
    let (low, high, text): (_, _, &[u8]) = match stack.top() {
        0 => {
            stack.push_number(fraction);
            return Ok(1);
        }
        1 => (
            1,
            bound(1),
            b"bad argument #1 to 'random' (interval is empty)",
        ),
        2 => (
            bound(1),
            bound(2),
            b"bad argument #2 to 'random' (interval is empty)",
        ),
        _ => return fail(stack, b"wrong number of arguments"),
    };
    if low > high {
        return fail(stack, text);
    }
    let span = high.wrapping_sub(low).wrapping_add(1);
    stack.push_number((fraction * f64::from(span)).floor() + f64::from(low));
    Ok(1)
}

/// `math.randomseed(seed)`
fn randomseed(stack: Stack, shared: &Shared) -> Ended {
    let seed = stack.number_argument(1);
    shared.random.set(Random::seeded(truncated(seed) as i32));
    Ok(0)
}

const WRONG_ARGUMENT: &[u8] = b"ERR wrong number or type of arguments";

/// `redis.error_reply(text)`: a text of one word has no code and gets the common one.
fn error_reply(stack: Stack, shared: &Shared) -> Ended {
    let (1, Some(text)) = (stack.top(), stack.bytes(1)) else {
        debugger::note_error(shared, WRONG_ARGUMENT);
        errors::push(stack, WRONG_ARGUMENT);
        return Ok(1);
    };
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (code, mut message) = match memchr::memchr(b' ', text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (&b"ERR"[..], text),
    };
    // Line ends are taken off the message alone, in front as well.
    while let [b'\r' | b'\n', rest @ ..] = message {
        message = rest;
    }
    let message = without_line_end(message);
    shared
        .watch
        .note(|said| said.line(&[b"<error> -", code, b" ", message].concat()));
    stack.push_table(0, 1);
    stack.push_bytes(code);
    stack.push_bytes(b" ");
    stack.push_bytes(message);
    stack.join(3);
    stack.set_field(-2, b"err");
    Ok(1)
}

/// `redis.status_reply(text)`
fn status_reply(stack: Stack, shared: &Shared) -> Ended {
    if stack.top() != 1 || stack.kind(1) != Kind::String {
        debugger::note_error(shared, WRONG_ARGUMENT);
        errors::push(stack, WRONG_ARGUMENT);
        return Ok(1);
    }
    stack.push_table(0, 1);
    stack.push_copy(1);
    stack.set_field(-2, b"ok");
    Ok(1)
}
