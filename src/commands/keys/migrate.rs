//! MIGRATE: keys move to another server.
//!
//! The command runs twice. First it takes the values and says what is to be sent; then, with the answers, it removes
//! what has been taken there. What lies between is told in `engine::migration`.

use crate::engine::migration::{Failure, Order, Report};
use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::repl::handshake::command;
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::options::{integer, is};
use super::transport::payload_of;

/// The words behind the time-out.
#[derive(Default)]
struct Options<'a> {
    copies: bool,
    replaces: bool,
    /// AUTH and what belongs to it, as it will be said to the other server.
    auth: Option<Vec<&'a [u8]>>,
    /// Where the list of keys begins, if there is one.
    keys_at: Option<usize>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>) -> Result<Self, Error> {
        let mut options = Self::default();
        let mut at = 6;
        while let Some(word) = args.get(at) {
            let left = args.len() - at - 1;
            if is(word, "COPY") {
                options.copies = true;
            } else if is(word, "REPLACE") {
                options.replaces = true;
            } else if is(word, "AUTH") && left >= 1 {
                options.auth = Some(vec![b"AUTH", args.at(at + 1)]);
                at += 1;
            } else if is(word, "AUTH2") && left >= 2 {
                options.auth = Some(vec![b"AUTH", args.at(at + 1), args.at(at + 2)]);
                at += 2;
            } else if is(word, "KEYS") {
                if !args.at(3).is_empty() {
                    return Err(
                        "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string"
                            .into(),
                    );
                }
                options.keys_at = Some(at + 1);
                break;
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        Ok(options)
    }

    fn keys(&self, args: Args<'a>) -> Vec<&'a [u8]> {
        match self.keys_at {
            Some(at) => args.from(at).collect(),
            None => vec![args.at(3)],
        }
    }
}

/// MIGRATE host port key|"" destination-db timeout [COPY] [REPLACE] [AUTH password] [AUTH2 username password]
/// [KEYS key [key ...]]
pub(crate) fn migrate(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let options = Options::parse(args)?;
    redact(ctx, args);
    if let Some((keys, report)) = ctx.take_migrated() {
        return finish(ctx, &options, &keys, &report);
    }
    let timeout_ms = integer(args.at(5))?;
    let db = integer(args.at(4))?;
    if !ctx.may_wait() {
        return Err("ERR MIGRATE isn't allowed for DENY BLOCKING client".into());
    }
    let (mut keys, mut restores, mut is_any) = (Vec::new(), Vec::new(), false);
    for key in options.keys(args) {
        let Some(spot) = ctx.keys.read(key) else {
            continue;
        };
        is_any = true;
        let ttl_ms = match ctx.keys.deadline(spot) {
            None => 0,
            Some(deadline) if deadline < ctx.now.unix_ms => continue,
            Some(deadline) => (deadline - ctx.now.unix_ms).max(1),
        };
        let payload = payload_of(ctx, spot);
        let ttl = ttl_ms.to_string();
        let mut words = vec![b"RESTORE".as_slice(), key, ttl.as_bytes(), &payload];
        if options.replaces {
            words.push(b"REPLACE");
        }
        restores.extend(command(&words));
        keys.push(key.to_vec());
    }
    if !is_any {
        ctx.reply.simple("NOKEY");
        return Ok(());
    }
    let order = Order {
        host: args.at(1).to_vec(),
        port: port(args.at(2)),
        timeout_ms: if timeout_ms <= 0 {
            1000
        } else {
            timeout_ms as u64
        },
        auth: options.auth.as_deref().map(command),
        db,
        select: command(&[b"SELECT", db.to_string().as_bytes()]),
        restores,
        count: keys.len(),
    };
    ctx.begin_migration(args, keys, order);
    Ok(())
}

/// What is no port is one where nobody listens.
fn port(text: &[u8]) -> u16 {
    integer(text)
        .ok()
        .and_then(|port| u16::try_from(port).ok())
        .unwrap_or(0)
}

/// Passwords are not for the slow log.
fn redact(ctx: &mut Ctx<'_>, args: Args<'_>) {
    let mut at = 6;
    while let Some(word) = args.get(at) {
        let secrets = match word {
            _ if is(word, "AUTH") => 1,
            _ if is(word, "AUTH2") => 2,
            _ if is(word, "KEYS") => return,
            _ => 0,
        };
        for secret in at + 1..=at + secrets {
            ctx.fx.redact(secret);
        }
        at += 1 + secrets;
    }
}

/// Removes what the other server has taken, and tells the client how it went. Of several keys some may have been taken
/// although it ends in an error.
fn finish(ctx: &mut Ctx<'_>, options: &Options<'_>, keys: &[Vec<u8>], report: &Report) -> Outcome {
    let is_error = |line: &[u8]| line.starts_with(b"-");
    let refusals = [&report.auth, &report.select];
    let refused = (refusals.into_iter().flatten()).find(|line| is_error(line));
    let mut complaint = refused.cloned();
    let mut moved: Vec<&[u8]> = vec![b"DEL"];
    for (key, line) in keys.iter().zip(&report.keys) {
        if refused.is_some() || is_error(line) {
            complaint.get_or_insert_with(|| line.clone());
        } else if !options.copies && ctx.keys.remove_reporting(key) {
            moved.push(key);
        }
    }
    if moved.len() > 1 {
        ctx.fx.propagate_as(ctx.keys.db, &moved);
    }
    if let Some(line) = complaint.filter(|_| !report.keys.is_empty()) {
        let text = String::from_utf8_lossy(&line[1..]).into_owned();
        return Err(format!("ERR Target instance replied with error: {text}").into());
    }
    let refusal = match report.failure {
        None => {
            ctx.reply.ok();
            return Ok(());
        }
        Some(Failure::Connecting) => "IOERR error or timeout connecting to the client",
        Some(Failure::Writing) => "IOERR error or timeout writing to target instance",
        Some(Failure::Reading) => "IOERR error or timeout reading to target instance",
    };
    Err(refusal.into())
}
