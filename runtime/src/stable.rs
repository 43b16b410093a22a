//! Type-stable pools: objects that are recycled but never freed, each with an index.
//!
//! Wakers and kernel events refer to task headers and descriptor slots without owning them, so
//! they may come when the object has long been given to somebody else. The memory therefore stays
//! of its type for the life of the process, and a generation inside the object (a wait epoch, a
//! slot's generation) tells a stale reference from a good one. The pool knows neither.

use std::{
    ptr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicPtr, AtomicU32, Ordering},
    },
};

/// Objects in the first chunk; each further chunk doubles the total.
const FIRST: usize = 64;
/// Enough chunks for every u32 index.
const CHUNKS: usize = 27;

/// What a pool asks of its objects.
pub(crate) trait Pooled: Sync + Sized + 'static {
    /// A new object that will be known by `index`.
    fn new(index: u32) -> Self;
}

/// A pool of one type; always a `static`.
pub(crate) struct Stable<T: Pooled> {
    chunks: [AtomicPtr<T>; CHUNKS],
    made: AtomicU32,
    free: Mutex<Vec<&'static T>>,
}

impl<T: Pooled> Stable<T> {
    pub(crate) const fn new() -> Self {
        Stable {
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            made: AtomicU32::new(0),
            free: Mutex::new(Vec::new()),
        }
    }

    /// The object `index`, if there is one.
    pub(crate) fn get(&'static self, index: u32) -> Option<&'static T> {
        let (chunk, offset) = place(index);
        // ORDER: Acquire: partner is the Release in `grow`, which publishes the chunk's objects.
        let base = self.chunks.get(chunk)?.load(Ordering::Acquire);
        if base.is_null() {
            return None;
        }
        // SAFETY: a chunk that is published is a leaked slice of `chunk_len(chunk)` objects, and
        // `place` keeps `offset` below that.
        Some(unsafe { &*base.add(offset) })
    }

    /// An object that nobody else has taken.
    pub(crate) fn take(&'static self) -> &'static T {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            self.grow(&mut free);
        }
        free.pop().expect("a pool that has grown has objects")
    }

    /// Moves up to `count` objects to `cache`, to be taken without the pool's lock.
    pub(crate) fn take_some(&'static self, cache: &mut Vec<&'static T>, count: usize) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.is_empty() {
            self.grow(&mut free);
        }
        let keep = free.len().saturating_sub(count);
        cache.extend(free.drain(keep..));
    }

    /// Gives an object back.
    pub(crate) fn give(&'static self, object: &'static T) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(object);
    }

    /// Gives back the last `count` objects of `cache`.
    pub(crate) fn give_some(&'static self, cache: &mut Vec<&'static T>, count: usize) {
        let keep = cache.len().saturating_sub(count);
        self.free.lock().unwrap_or_else(PoisonError::into_inner).extend(cache.drain(keep..));
    }

    /// Every object that was ever made, taken or not.
    pub(crate) fn all(&'static self) -> impl Iterator<Item = &'static T> {
        // ORDER: Acquire: partner is the Release in `grow`: the chunks of these are published.
        (0..self.made.load(Ordering::Acquire)).map_while(|index| self.get(index))
    }

    #[cold]
    fn grow(&'static self, free: &mut Vec<&'static T>) {
        // ORDER: Relaxed: only changed here, under the lock of `free`.
        let made = self.made.load(Ordering::Relaxed);
        let (chunk, _) = place(made);
        let len = chunk_len(chunk);
        let last = u32::try_from(len).ok().and_then(|len| made.checked_add(len));
        let last = last.filter(|_| chunk < CHUNKS).expect("fewer than 2^32 objects of a kind");
        let objects: &'static [T] = Vec::leak((made..last).map(T::new).collect());
        // ORDER: Release: partner is the Acquire in `get`.
        self.chunks[chunk].store(objects.as_ptr().cast_mut(), Ordering::Release);
        // ORDER: Release: partner is the Acquire in `all`.
        self.made.store(last, Ordering::Release);
        // Reversed, so that low indices are taken first.
        free.extend(objects.iter().rev());
    }
}

fn chunk_len(chunk: usize) -> usize {
    if chunk == 0 { FIRST } else { FIRST << (chunk - 1) }
}

/// The chunk of an index, and its place there: chunk 0 has 64 objects, each later one as many as
/// all before it.
fn place(index: u32) -> (usize, usize) {
    let index = index as usize;
    if index < FIRST {
        return (0, index);
    }
    let chunk = (index / FIRST).ilog2() as usize + 1;
    (chunk, index - chunk_len(chunk))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Thing(u32);
    impl Pooled for Thing {
        fn new(index: u32) -> Self {
            Thing(index)
        }
    }

    #[test]
    fn place_covers_every_index_once_and_in_order() {
        let mut expected = (0, 0);
        for index in 0..100_000 {
            assert_eq!(place(index), expected);
            expected.1 += 1;
            if expected.1 == chunk_len(expected.0) {
                expected = (expected.0 + 1, 0);
            }
        }
        assert!(place(u32::MAX).0 < CHUNKS);
    }

    #[test]
    fn objects_keep_their_index_and_address_and_are_reused() {
        static POOL: Stable<Thing> = Stable::new();
        let taken: Vec<_> = (0..1000).map(|_| POOL.take()).collect();
        for thing in &taken {
            assert!(std::ptr::eq(POOL.get(thing.0).unwrap(), *thing));
        }
        let made = POOL.all().count();
        for thing in taken {
            POOL.give(thing);
        }
        let mut cache = Vec::new();
        while cache.len() < 1000 {
            POOL.take_some(&mut cache, 300);
        }
        assert_eq!(POOL.all().count(), made);
        POOL.give_some(&mut cache, 10_000);
        assert!(cache.is_empty());
        assert!(POOL.get(u32::MAX).is_none());
    }
}
