//! Fields whose time has come.
//!
//! A hash knows the deadlines of its fields; its entry knows the soonest of them, which arms the wheel of the database.
//! So a change of a hash is told to the entry afterwards, by [`Keys::arm_fields`]. Like a key, a field is hidden the
//! moment its deadline passes, and removed when a command looks for it or when the wheel tells. A hash that has lost
//! its last field this way goes with it.

use crate::store::Spot;
use crate::types::Value;
use crate::types::hash::{FieldDeadline, Hash};

use super::Event;
use super::db::{Expiry, Keys};

impl Keys<'_> {
    /// Notes in the entry when the next field of its hash is due. Every change of a hash that may have deadlines ends
    /// with this, or with the removal of the key.
    pub(crate) fn arm_fields(&mut self, spot: Spot) {
        let entry = self.entry(spot);
        let soonest = entry.object().and_then(hash_in).and_then(Hash::soonest);
        if entry.field_deadline() != soonest {
            self.space.preserve(self.db, spot);
            self.dict_mut().set_field_deadline(spot, soonest);
        }
    }

    /// Whether some field of the hash at a place is due.
    #[inline]
    fn has_due_fields(&self, spot: Spot) -> bool {
        self.entry(spot)
            .field_deadline()
            .is_some_and(|deadline| self.is_past(deadline))
    }

    /// Removes those of the named fields that are due, if readers may. The spot is void afterwards: the hash may have
    /// gone with them.
    pub(crate) fn expire_named_fields<'f>(
        &mut self,
        key: &[u8],
        spot: Spot,
        fields: impl Iterator<Item = &'f [u8]>,
    ) {
        if self.expiry == Expiry::Remove {
            self.clear_named_fields(key, spot, fields);
        }
    }

    /// Removes those of the named fields that are due, for a command that is going to set them: a value that inherits
    /// the deadline of a hidden field would be lost at once. The spot is void afterwards, as above.
    pub(crate) fn clear_named_fields<'f>(
        &mut self,
        key: &[u8],
        spot: Spot,
        fields: impl Iterator<Item = &'f [u8]>,
    ) {
        if self.remove_due_fields(key, spot, fields) > 0 {
            self.event(key, Event::HEXPIRED);
            self.fields_went(key, spot);
        }
    }

    /// As `clear_named_fields`, but leaves the report and a hash that may be empty now to the caller. Returns how many
    /// fields went.
    pub(crate) fn remove_due_fields<'f>(
        &mut self,
        key: &[u8],
        spot: Spot,
        fields: impl Iterator<Item = &'f [u8]>,
    ) -> usize {
        if !self.has_due_fields(spot) {
            return 0;
        }
        let horizon_ms = self.horizon_ms();
        let mut count = 0;
        for field in fields {
            let Ok(mut hash) = self.edit_at::<Hash>(spot) else {
                return 0;
            };
            let is_due = matches!(hash.deadline(field, i64::MIN), FieldDeadline::At(deadline) if deadline <= horizon_ms);
            let is_removed = is_due && hash.remove(field);
            drop(hash);
            if is_removed {
                self.space.journal.field_vanished(self.db, key, field);
                count += 1;
            }
        }
        self.space.counters.expired_fields += count as u64;
        count
    }

    /// Reports that named fields were removed by `remove_due_fields`.
    pub(crate) fn report_expired_fields(&mut self, key: &[u8]) {
        self.event(key, Event::HEXPIRED);
    }

    /// Removes all fields of a hash that are due, if readers may. The spot is void if the hash went with them, which
    /// is then told.
    pub(crate) fn expire_all_fields(&mut self, spot: Spot) -> bool {
        let len_before = self.dict().len();
        let mut budget = usize::MAX;
        while self.expiry == Expiry::Remove
            && self.dict().len() == len_before
            && self.has_due_fields(spot)
        {
            self.expire_fields(spot, &mut budget);
        }
        self.dict().len() != len_before
    }

    /// Removes the fields of a hash that are due, about as many as the budget allows.
    pub(super) fn expire_fields(&mut self, spot: Spot, budget: &mut usize) {
        if !self.has_due_fields(spot) {
            return;
        }
        let key = self.entry(spot).key().to_vec();
        let (horizon_ms, db) = (self.horizon_ms(), self.db);
        let most = (*budget).clamp(1, FIELDS_AT_ONCE);
        self.space.lend_out(db, spot);
        let super::Keyspace {
            dbs,
            journal,
            counters,
            ..
        } = &mut *self.space;
        let mut entry = dbs[db as usize].dict.entry_mut(spot);
        let Some(Value::Hash(hash)) = entry.object_mut() else {
            return;
        };
        let count = hash.remove_expired(horizon_ms, most, |field| {
            journal.field_vanished(db, &key, field)
        });
        counters.expired_fields += count as u64;
        *budget = budget.saturating_sub(count);
        if count > 0 {
            self.event(&key, Event::HEXPIRED);
        }
        if !self.fields_went(&key, spot) && self.has_due_fields(spot) {
            // More is left than the budget allowed. Filed anew, the hash comes back in the next round.
            let soonest = self.entry(spot).field_deadline();
            self.dict_mut().set_field_deadline(spot, None);
            self.dict_mut().set_field_deadline(spot, soonest);
        }
    }

    /// After fields went by themselves: the key goes too if none is left. Returns whether it went.
    fn fields_went(&mut self, key: &[u8], spot: Spot) -> bool {
        let is_gone = self.end_if_empty::<Hash>(key, spot);
        if !is_gone {
            self.arm_fields(spot);
        }
        self.space.journal.changed(self.db, key);
        is_gone
    }
}

fn hash_in(value: &Value) -> Option<&Hash> {
    if let Value::Hash(hash) = value {
        Some(hash)
    } else {
        None
    }
}

/// How many fields of one hash are removed before others have their turn.
const FIELDS_AT_ONCE: usize = 1024;
