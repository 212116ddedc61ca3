//! Elements as replies: a number that is kept as one is only now made text.

use crate::types::listpack::Item;
use crate::wire::reply::Reply;

#[inline]
pub(crate) fn reply_item(reply: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Int(number) => reply.bulk_i64(number),
        Item::Bytes(bytes) => reply.bulk(bytes),
    }
}
