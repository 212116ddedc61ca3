//! A second set of databases, for a data set that is read while the first is still served.
//!
//! It is filled by putting it in the place of the first for a moment, and becomes the first when it is complete.

use super::{Db, Keyspace, garbage, sizes};
use crate::store::Dict;

impl Keyspace {
    /// Makes an empty second set.
    pub(crate) fn prepare_aside(&mut self) {
        self.drop_aside();
        let seed = self.seed;
        let fresh = || Db {
            dict: Dict::new(seed),
            sizes: sizes::Sizes::default(),
        };
        self.aside = self.dbs.iter().map(|_| fresh()).collect();
    }

    /// Puts each set in the place of the other.
    pub(crate) fn exchange_aside(&mut self) {
        self.settle_loan();
        std::mem::swap(&mut self.dbs, &mut self.aside);
    }

    /// Throws the second set away. It is freed off the loop.
    pub(crate) fn drop_aside(&mut self) {
        self.settle_loan();
        for db in std::mem::take(&mut self.aside) {
            let count = db.dict.len() as u64;
            if count > 0 {
                let thrown = garbage::counted(db.dict, count, &self.freeing);
                self.garbage.push(thrown);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{Expiry, Keys, New, Until};

    #[test]
    fn a_second_set_takes_the_place_of_the_first_or_goes() {
        let mut space = Keyspace::new(2, 1);
        let put = |space: &mut Keyspace, key: &[u8], number| {
            let mut keys = Keys::new(space, 1, 0, Expiry::Remove);
            let site = keys.site(key);
            keys.put(site, New::Int(number), Until::Never);
        };
        let has = |space: &mut Keyspace, key: &[u8]| {
            Keys::new(space, 1, 0, Expiry::Remove).find(key).is_some()
        };
        put(&mut space, b"old", 1);
        space.prepare_aside();
        space.exchange_aside();
        put(&mut space, b"new", 2);
        space.exchange_aside();
        assert!(has(&mut space, b"old") && !has(&mut space, b"new"));
        space.exchange_aside();
        space.drop_aside();
        assert!(!has(&mut space, b"old") && has(&mut space, b"new"));
        assert_eq!((space.len(), space.garbage.len()), (1, 1));
    }
}
