//! What the tests of scripts share: servers that have no commands of their own, and results as
//! text.
//!
//! The expected texts come from a real server, which ran the same [`SHOW`] and the same expressions.

use crate::base::output::Output;
use crate::wire::args::Args;
use crate::wire::reply::{Protocol, Reply};

use super::interpreter::{Deprecated, Interpreter};
use super::to_reply::write;
use super::{Host, Pulse, Refused, Replication};

/// A server that gives every command this answer.
pub(super) struct Answers<F>(pub(super) F);

/// A server that has no commands.
pub(super) fn nobody() -> impl Host {
    Answers(|_: &mut Output| Err(Refused(b"ERR nothing is known here".into())))
}

impl<F: FnMut(&mut Output) -> Result<(), Refused>> Host for Answers<F> {
    fn call(&mut self, _: Args<'_>, _: Protocol, out: &mut Output) -> Result<(), Refused> {
        (self.0)(out)
    }

    fn log(&mut self, _: log::Level, _: &[u8]) {}

    fn replicate(&mut self, _: Replication) {}

    fn may_call(&mut self, _: Args<'_>) -> Result<bool, &'static str> {
        Ok(true)
    }

    fn pulse(&mut self) -> Pulse {
        Pulse::GoesOn
    }
}

/// Defines `show`, which prints values: strings between quotes, with the bytes that are no characters in hexadecimal.
const SHOW: &str = r#"
local function value(v, depth)
  local kind = type(v)
  if kind == 'table' then
    if depth > 30 then return '...' end
    local fields = {}
    for k, w in pairs(v) do fields[#fields + 1] = value(k, depth + 1) .. '=' .. value(w, depth + 1) end
    return '{' .. table.concat(fields, ',') .. '}'
  elseif kind == 'string' then
    return '"' .. v:gsub('[^ -~]', function(c) return ('<%02x>'):format(c:byte()) end) .. '"'
  elseif kind == 'number' then
    return ('%.17g'):format(v)
  end
  return kind == 'function' and kind or tostring(v)
end
local function show(ok, ...)
  local texts = {ok and 'ok' or 'error'}
  for i = 1, select('#', ...) do texts[#texts + 1] = value((select(i, ...)), 0) end
  return table.concat(texts, ' ')
end
"#;

/// Evaluates expressions one after the other in one interpreter, and compares what they give with what a real server
/// gave.
#[track_caller]
pub(super) fn expect(cases: &[(&str, &str)]) {
    let interpreter = Interpreter::new(Deprecated::Hidden);
    for (expression, expected) in cases {
        let script = format!("{SHOW} return show(pcall(function() return {expression} end))");
        let shown = run(&interpreter, &script, &mut nobody(), Protocol::Resp2);
        let (_, shown) = shown.split_once("\r\n").expect("a reply");
        assert_eq!(shown.trim_end(), *expected, "{expression}");
    }
}

/// The reply of a script.
pub(super) fn run(
    interpreter: &Interpreter,
    script: &str,
    host: &mut dyn Host,
    client: Protocol,
) -> String {
    let code = interpreter.compile(script.as_bytes()).expect(script);
    let mut out = Output::default();
    let mut reply = Reply::new(&mut out, client);
    let ran = interpreter.run(code, Args::EMPTY, Args::EMPTY, host);
    let written = ran.and_then(|returned| write(&mut reply, &returned, &mut |_| {}));
    if let Err(failure) = written {
        reply.error(&failure.text);
    }
    interpreter.forget(code);
    String::from_utf8(out.take()).expect("text")
}
