//! DEBUG PROTOCOL: one example of each kind of reply, for authors of clients.

use crate::engine::run::command::Outcome;
use crate::engine::run::ctx::Ctx;
use crate::spec::error::Error;
use crate::wire::args::Args;

use super::super::super::options::is;

/// DEBUG PROTOCOL type
pub(crate) fn protocol(ctx: &mut Ctx<'_>, args: Args<'_>) -> Outcome {
    let reply = &mut ctx.reply;
    match args.at(2) {
        kind if is(kind, "string") => reply.bulk(b"Hello World"),
        kind if is(kind, "integer") => reply.integer(12345),
        kind if is(kind, "double") => reply.double(DOUBLE),
        kind if is(kind, "null") => reply.null(),
        kind if is(kind, "array") => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        kind if is(kind, "set") => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        kind if is(kind, "map") => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        kind if is(kind, "attrib") => {
            // Only RESP3 has attributes; in RESP2 there is just the reply.
            if reply.is_resp3() {
                reply.attribute(1);
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        kind if is(kind, "push") => {
            if !reply.is_resp3() {
                return Err(Error::from("ERR RESP2 is not supported by this command"));
            }
            reply.bulk(b"Some real reply following the push reply");
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        kind if is(kind, "true") => reply.boolean(true),
        kind if is(kind, "false") => reply.boolean(false),
        kind if is(kind, "verbatim") => reply.verbatim("txt", b"This is a verbatim\nstring"),
        kind if is(kind, "bignum") => reply.big_number(b"1234567999999999999999999999999999999"),
        _ => {
            return Err(Error::from(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

/// Three digits of pi and no more: clients compare the text.
#[allow(clippy::approx_constant)]
const DOUBLE: f64 = 3.141;
