//! Scripts and libraries as bytes: whatever is sent as code is answered, and so is whatever is restored as libraries.
//!
//! The texts are whole programs, pieces of others put into them, and damage. Those that could go on for ever are left
//! out: nobody is there to end them.

use pollux::testing::base::Rng;
use pollux::testing::base::crc64;

use super::engine::Play;
use super::replies;

/// Programs, and what stands in them.
const PIECES: &[&str] = &[
    "return 1",
    "return {1,{2,{3}},nil,'x'}",
    "return redis.call('SET','k','v')",
    "return redis.pcall('INCR','text')",
    "redis.setresp(3) return redis.call('HGETALL','h')",
    "return {map={a=1},set={b=true},double=1.5}",
    "return cjson.encode({1,2,{a='b'}})",
    "return cjson.decode('[1,{\"a\":null},\"\\u00e9\"]')",
    "return cmsgpack.pack({1,2,{a=1.5}})",
    "return {cmsgpack.unpack('\\146\\1\\2')}",
    "return struct.pack('>I4hs','1',2,'x')",
    "return {struct.unpack('<i4','\\1\\2\\3\\4')}",
    "return bit.tohex(bit.band(255,-1),4)",
    "return string.format('%5.2f %q %s',1.5,'a\\0b',{})",
    "return {string.find('hello world','(o)(.)')}",
    "return string.gsub('abc','%w','%0%0')",
    "return tostring(1e300*1e300)",
    "local t={} t[1]=t return t",
    "local t={} t.a=t return cjson.encode(t)",
    "return pcall(error,{err='MY code'})",
    "return {pcall(error)}",
    "error({err=setmetatable({},{__tostring=function() return 'x' end})})",
    "return setmetatable({},{__index=function(t,k) return k end}).x",
    "return select('#',unpack({1,2,3}))",
    "return loadstring('return 1')()",
    "return coroutine.wrap(function() coroutine.yield(1) end)()",
    "local r={} for k,v in pairs(redis) do r[#r+1]=k end return #r",
    "return {xpcall(function() error('x') end,function(e) return e end)}",
    "return redis.sha1hex(ARGV[1])",
    "return KEYS[1]..ARGV[1]",
    "redis.register_function('f',function(keys,args) return keys end)",
    "redis.register_function{function_name='g',callback=function(k,a) return redis.call('GET',k[1]) end,flags={'no-writes'}}",
    "local lib=redis lib.register_function('h',function() return lib end)",
    "#!lua flags=no-writes\nreturn 1",
    "collectgarbage()",
    "redis.log(redis.LOG_DEBUG,'x')",
    "table.sort({3,1,2},function(a,b) return a<b end)",
    "\x1bLua",
    "--[[ ]]",
    "[==[ ]==]",
    "'\\255\\0'",
    "0x1p4",
    "..",
    "end",
    "function()",
    "(",
    ")",
    "{",
    "}",
    ",",
];

/// What makes a library of a text.
const REGISTERS: &[&str] = &[
    "redis.register_function('f',function(keys,args) return keys end)",
    "redis.register_function('g',function(keys,args) return redis.call('GET',args[1]) end)",
    "redis.register_function{function_name='h',callback=function(k) return {map={a=k}} end,flags={'no-writes'}}",
];

/// What makes loops, or calls itself.
const ENDLESS: &[&str] = &["while", "repeat", "goto", "=1,", "local function", "random"];

fn is_endless(text: &[u8]) -> bool {
    let has = |word: &&str| {
        text.windows(word.len())
            .any(|window| window == word.as_bytes())
    };
    let numeric = |window: &[u8]| window == b"for";
    // `for` with numbers could count for long.
    let counts = text.windows(3).any(numeric) && !text.windows(4).any(|w| w == b"in p");
    ENDLESS.iter().any(has) || counts
}

fn piece(rng: &mut Rng) -> &'static [u8] {
    PIECES[rng.index(PIECES.len())].as_bytes()
}

/// A program, or what once was one.
fn text(rng: &mut Rng, name: Option<&str>) -> Vec<u8> {
    let mut text = match name {
        Some(name) if rng.below(20) > 0 => format!("#!lua name={name}\n").into_bytes(),
        _ => Vec::new(),
    };
    if name.is_some() {
        text.extend_from_slice(REGISTERS[rng.index(REGISTERS.len())].as_bytes());
        text.push(b'\n');
    }
    let most = if name.is_some() { 3 } else { 4 };
    for _ in 0..rng.index(most) {
        text.extend_from_slice(piece(rng));
        text.push(*[b' ', b'\n', b';'].get(rng.index(3)).expect("three"));
    }
    if text.is_empty() {
        text.push(b' ');
    }
    let damages = if rng.below(2) == 0 { 0 } else { rng.index(5) };
    for _ in 0..damages {
        let at = rng.index(text.len());
        match rng.below(7) {
            0 => text[at] = rng.next_u32() as u8,
            1 => text.insert(at, rng.next_u32() as u8),
            2 => drop(text.remove(at)),
            3 => text.truncate(at.max(1)),
            4 => drop(text.splice(at..at, piece(rng).iter().copied())),
            5 => {
                let end = text.len().min(at + 12);
                let copied = text[at..end].to_vec();
                let other = rng.index(text.len());
                drop(text.splice(other..other, copied));
            }
            _ => {
                let end = text.len().min(at + rng.index(20));
                drop(text.drain(at..end));
            }
        }
        if text.is_empty() {
            text.push(b' ');
        }
    }
    text
}

/// What is in a reply that is a bulk string.
fn bulk(reply: &[u8]) -> Option<Vec<u8>> {
    let rest = reply.strip_prefix(b"$")?;
    let end = rest.iter().position(|byte| *byte == b'\r')?;
    let len: usize = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    rest.get(end + 2..end + 2 + len).map(<[u8]>::to_vec)
}

/// A payload of libraries, of random records, with a right checksum.
fn payload(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.index(4) {
        let name = ["one", "two", "a b"][rng.index(3)];
        let text = text(rng, Some(name));
        if is_endless(&text) {
            continue;
        }
        bytes.push(if rng.below(10) == 0 {
            rng.next_u32() as u8
        } else {
            245
        });
        match rng.below(8) {
            0 => bytes.push(rng.next_u32() as u8),
            1 => bytes.extend_from_slice(&[0x81, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff]),
            2 => bytes.extend_from_slice(&[0xc3, 5, 0x80, 0x7f, 0xff, 0xff, 0xff]),
            _ => {
                bytes.push(0x80);
                bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
            }
        }
        bytes.extend_from_slice(&text);
    }
    if rng.below(4) == 0 {
        bytes.truncate(rng.index(bytes.len() + 1));
    }
    bytes.extend_from_slice(&[10, 0]);
    let sum = crc64(0, &bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn code_of_any_kind_is_answered() {
    let (mut done, mut loaded, mut restored) = (0, 0, 0);
    super::for_some_time(|seed| {
        let mut play = Play::new(seed);
        play.ask(&[b"SET", b"text", b"x"]);
        play.ask(&[b"HSET", b"h", b"f", b"v"]);
        for _ in 0..200 {
            let code = text(&mut play.rng, None);
            if !is_endless(&code) {
                let command: &[u8] = [b"EVAL".as_slice(), b"EVAL_RO"][play.rng.index(2)];
                play.ask(&[command, &code, b"1", b"key", b"\0arg"]);
                done += 1;
            }
            let library = text(&mut play.rng, Some("lib"));
            if !is_endless(&library) {
                let reply = play.ask(&[b"FUNCTION", b"LOAD", b"REPLACE", &library]);
                loaded += usize::from(reply.starts_with(b"$"));
                for name in [b"f", b"g", b"h"] {
                    play.ask(&[b"FCALL", name, b"1", b"key", b"arg"]);
                    play.ask(&[b"FCALL_RO", name, b"0"]);
                }
            }
            let dump = payload(&mut play.rng);
            let policy: &[u8] = [b"FLUSH".as_slice(), b"APPEND", b"REPLACE"][play.rng.index(3)];
            let reply = play.ask(&[b"FUNCTION", b"RESTORE", &dump, policy]);
            restored += usize::from(reply.starts_with(b"+"));
            // What is there can be taken away and brought back.
            let before = bulk(&play.ask(&[b"FUNCTION", b"DUMP"])).expect("a payload");
            let reply = play.ask(&[b"FUNCTION", b"RESTORE", &before, b"FLUSH"]);
            assert_eq!(reply, b"+OK\r\n", "{}", replies::show(&before));
            assert_eq!(bulk(&play.ask(&[b"FUNCTION", b"DUMP"])), Some(before));
        }
        play.ask(&[b"FUNCTION", b"FLUSH"]);
        play.ask(&[b"SCRIPT", b"FLUSH"]);
    });
    println!("{done} scripts, {loaded} libraries loaded, {restored} payloads restored");
    assert!(
        loaded > 5 && restored > 5,
        "{loaded} libraries loaded, {restored} payloads restored"
    );
}
