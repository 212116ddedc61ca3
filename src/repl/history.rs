//! The names of the stream, and what is answered to a replica that wants to go on in it.
//!
//! A data set has a history with an id: whoever has the same id and the same offset has the same data. A server that is
//! promoted goes on under a new id, since from here on its history may differ from others' with the old one; up to
//! where it was promoted the old id stays good, as the second id. So replicas of the old primary can go on with the new
//! one.

use super::Stream;

/// The second id while there is none.
pub(crate) const NO_ID: &str = "0000000000000000000000000000000000000000";

/// The name of a stream, how far it has come, and its last bytes.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) id: String,
    pub(crate) second_id: String,
    /// Requests under the second id may ask for bytes up to this one, counted from one. Negative while there is none.
    pub(crate) second_offset: i64,
    /// How far it has come, while nobody keeps the stream.
    resting: u64,
    stream: Option<Stream>,
}

/// Why a replica has to begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It asked for that.
    Wanted,
    OtherId,
    /// The second id is meant, beyond where it is good.
    BeyondSecond,
    /// The bytes are not there any more, or not yet.
    NotKept,
}

impl History {
    pub(crate) fn new(id: String) -> Self {
        Self {
            id,
            second_id: NO_ID.to_owned(),
            second_offset: -1,
            resting: 0,
            stream: None,
        }
    }

    /// How many bytes of the stream there have been.
    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        self.stream.as_ref().map_or(self.resting, Stream::end)
    }

    #[inline]
    pub(crate) fn stream(&self) -> Option<&Stream> {
        self.stream.as_ref()
    }
    #[inline]
    pub(crate) fn stream_mut(&mut self) -> Option<&mut Stream> {
        self.stream.as_mut()
    }

    /// From now on the bytes are kept.
    pub(crate) fn keep(&mut self, size: u64) {
        let offset = self.offset();
        self.stream.get_or_insert_with(|| Stream::new(offset, size));
    }

    /// Nobody will ask for the bytes any more.
    pub(crate) fn rest(&mut self) {
        self.resting = self.offset();
        self.stream = None;
    }

    /// The stream goes on here under this id, and whatever was kept of another is forgotten.
    pub(crate) fn begin(&mut self, id: &str, offset: u64, size: Option<u64>) {
        id.clone_into(&mut self.id);
        self.forget_second();
        self.resting = offset;
        self.stream = size.map(|size| Stream::new(offset, size));
    }

    /// The same data set, but nobody can have followed its stream so far.
    pub(crate) fn rename(&mut self, id: String) {
        self.id = id;
        self.forget_second();
    }

    /// The history goes on under another id, and the old one stays good up to here.
    pub(crate) fn fork(&mut self, id: String) {
        self.second_id = std::mem::replace(&mut self.id, id);
        self.second_offset = self.offset() as i64 + 1;
    }

    /// The history was under this id up to an offset, as a file says; and goes on from there under the present one.
    pub(crate) fn descend(&mut self, id: &str, offset: u64, size: u64) {
        id.clone_into(&mut self.second_id);
        self.second_offset = offset as i64 + 1;
        self.stream = Some(Stream::new(offset, size));
    }

    pub(crate) fn forget_second(&mut self) {
        NO_ID.clone_into(&mut self.second_id);
        self.second_offset = -1;
    }

    /// Where a replica can go on that has asked for the byte `wanted`, counted from one, of the stream `id`.
    pub(crate) fn decide(&self, id: &[u8], wanted: i64) -> Result<u64, Why> {
        let is = |known: &str| id.eq_ignore_ascii_case(known.as_bytes());
        if !is(&self.id) {
            if id.starts_with(b"?") {
                return Err(Why::Wanted);
            }
            if !is(&self.second_id) {
                return Err(Why::OtherId);
            }
            if wanted > self.second_offset {
                return Err(Why::BeyondSecond);
            }
        }
        let stream = self.stream.as_ref().ok_or(Why::NotKept)?;
        let cursor = wanted
            .checked_sub(1)
            .and_then(|from| u64::try_from(from).ok());
        cursor
            .filter(|cursor| stream.reaches(*cursor))
            .ok_or(Why::NotKept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    #[test]
    fn a_replica_goes_on_where_it_can() {
        let mut history = History::new(id('a'));
        assert_eq!(history.decide(id('a').as_bytes(), 1), Err(Why::NotKept));
        history.keep(16_384);
        let stream = history.stream_mut().expect("kept");
        stream.push(&vec![b'x'; 50_000]);
        stream.trim(16_384, u64::MAX);
        let (start, end) = (stream.start() as i64, stream.end() as i64);
        let decide = |wanted| history.decide(id('a').as_bytes(), wanted);
        assert_eq!(decide(end + 1), Ok(end as u64));
        assert_eq!(decide(start + 1), Ok(start as u64));
        assert_eq!(decide(start), Err(Why::NotKept));
        assert_eq!(decide(end + 2), Err(Why::NotKept));
        for wanted in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(decide(wanted), Err(Why::NotKept));
        }
        assert_eq!(history.decide(b"?", -1), Err(Why::Wanted));
        assert_eq!(history.decide(id('b').as_bytes(), end), Err(Why::OtherId));
        assert_eq!(history.decide(id('A').as_bytes(), end), Ok(end as u64 - 1));
    }

    #[test]
    fn the_old_id_is_good_up_to_the_promotion() {
        let mut history = History::new(id('a'));
        history.keep(16_384);
        history.stream_mut().expect("kept").push(b"0123456789");
        history.fork(id('b'));
        history.stream_mut().expect("kept").push(b"more");
        assert_eq!(history.second_offset, 11);
        let decide = |digit, wanted| history.decide(id(digit).as_bytes(), wanted);
        assert_eq!(decide('a', 11), Ok(10));
        assert_eq!(decide('a', 5), Ok(4));
        assert_eq!(decide('a', 12), Err(Why::BeyondSecond));
        assert_eq!(decide('b', 15), Ok(14));
        history.rename(id('c'));
        assert_eq!(history.decide(id('a').as_bytes(), 5), Err(Why::OtherId));
        assert_eq!(history.decide(NO_ID.as_bytes(), 5), Err(Why::BeyondSecond));
    }

    #[test]
    fn a_history_survives_a_restart() {
        let mut history = History::new(id('n'));
        history.descend(&id('a'), 1000, 16_384);
        assert_eq!(history.offset(), 1000);
        assert_eq!(history.decide(id('a').as_bytes(), 1001), Ok(1000));
        assert_eq!(history.decide(id('a').as_bytes(), 1000), Err(Why::NotKept));
        history.rest();
        assert_eq!(history.offset(), 1000);
        history.begin(&id('z'), 77, Some(16_384));
        assert_eq!((history.offset(), history.second_offset), (77, -1));
    }
}
