#![allow(unused, dead_code, clippy::all, clippy::pedantic)]
//! stand-in for type checking
use crate::base::hash::Seed;
use std::marker::PhantomData;
pub const INLINE_MAX: usize = 1024;
use super::Spot;
pub enum New<'a, V> { Int(i64), Inline(&'a [u8]), InlineRaw(&'a [u8]), Object(V) }
pub enum Payload<'a, V> { Int(i64), Inline(&'a [u8]), Object(&'a V) }
pub enum PayloadMut<'a, V> { Int(&'a mut i64), Inline(&'a mut [u8]), Object(&'a mut V) }
pub enum Owned<V> { Int(i64), Inline { bytes: Vec<u8>, raw_reported: bool }, Object(V) }
pub struct Taken<V> { pub payload: Owned<V>, pub deadline: Option<i64>, pub field_deadline: Option<i64>, pub access: u32 }
pub enum Until { Kept, Never, At(i64) }
pub struct Dict<V>(PhantomData<V>);
impl<V> Dict<V> {
    pub fn new(seed: Seed) -> Self { unimplemented!() }
    pub fn hash(&self, key: &[u8]) -> u64 { unimplemented!() }
    pub fn len(&self) -> usize { unimplemented!() }
    pub fn locate(&self, hash: u64, key: &[u8]) -> Option<Spot> { unimplemented!() }
    pub fn entry(&self, spot: Spot) -> EntryRef<'_, V> { unimplemented!() }
    pub fn entry_mut(&mut self, spot: Spot) -> EntryMut<'_, V> { unimplemented!() }
    pub fn prefetch_bucket(&self, hash: u64) { unimplemented!() }
    pub fn prefetch_entry(&self, hash: u64) { unimplemented!() }
    pub fn insert(&mut self, hash: u64, key: &[u8], new: New<'_, V>, deadline: Option<i64>) -> Spot { unimplemented!() }
    pub fn replace(&mut self, spot: Spot, new: New<'_, V>, until: Until) -> Option<V> { unimplemented!() }
    pub fn remove(&mut self, spot: Spot) -> Option<V> { unimplemented!() }
    pub fn take(&mut self, spot: Spot) -> Taken<V> { unimplemented!() }
    pub fn clear(&mut self) -> Dict<V> { unimplemented!() }
    pub fn put(&mut self, hash: u64, key: &[u8], taken: Taken<V>) -> Spot { unimplemented!() }
    pub fn set_deadline(&mut self, spot: Spot, deadline: Option<i64>) { unimplemented!() }
    pub fn next_due(&mut self, now_ms: i64, budget: &mut usize) -> Option<Spot> { unimplemented!() }
    pub fn next_due_hint(&self) -> Option<i64> { unimplemented!() }
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_, V>> { let v: Vec<EntryRef<'_, V>> = Vec::new(); v.into_iter() }
    pub fn expires(&self) -> usize { unimplemented!() }
    pub fn deadline_sum(&self) -> i128 { unimplemented!() }
    pub fn scan(&self, cursor: u64, visit: &mut dyn FnMut(Spot, EntryRef<'_, V>)) -> u64 { unimplemented!() }
    pub fn random(&self, draw: &mut impl FnMut() -> u64) -> Option<Spot> { unimplemented!() }
}
pub struct EntryRef<'t, V>(PhantomData<&'t V>);
impl<'t, V> Clone for EntryRef<'t, V> { fn clone(&self) -> Self { *self } }
impl<'t, V> Copy for EntryRef<'t, V> {}
impl<'t, V> EntryRef<'t, V> {
    pub fn key(self) -> &'t [u8] { unimplemented!() }
    pub fn payload(self) -> Payload<'t, V> { unimplemented!() }
    pub fn object(self) -> Option<&'t V> { unimplemented!() }
    pub fn deadline(self) -> Option<i64> { unimplemented!() }
    pub fn field_deadline(self) -> Option<i64> { unimplemented!() }
    pub fn access(self) -> u32 { unimplemented!() }
    pub fn set_access(self, word: u32) { unimplemented!() }
    pub fn raw_reported(self) -> bool { unimplemented!() }
}
pub struct EntryMut<'t, V>(PhantomData<&'t mut V>);
impl<'t, V> EntryMut<'t, V> {
    pub fn payload_mut(&mut self) -> PayloadMut<'_, V> { unimplemented!() }
    pub fn into_payload_mut(self) -> PayloadMut<'t, V> { unimplemented!() }
    pub fn into_object_mut(self) -> Option<&'t mut V> { unimplemented!() }
    pub fn object_mut(&mut self) -> Option<&mut V> { unimplemented!() }
    pub fn set_int(&mut self, value: i64) -> bool { unimplemented!() }
}
