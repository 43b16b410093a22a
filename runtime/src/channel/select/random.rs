//! A random order for arms that are ready at once. Fair, not secret.

use std::cell::Cell;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// The next number of this thread's own sequence (xorshift64*).
fn next() -> u64 {
    let mut state = STATE.get();
    if state == 0 {
        // Any start but zero will do, if threads differ: an address of the thread's own.
        let own = STATE.with(|state| std::ptr::from_ref(state).addr());
        state = (own as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    }
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    STATE.set(state);
    state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
}

/// Brings `items` into a random order, each one with the same probability.
pub(super) fn shuffle<T>(items: &mut [T]) {
    for i in (1..items.len()).rev() {
        // 32 random bits times the count: the upper half is below the count.
        let other = (next() * (i as u64 + 1)) >> 32;
        items.swap(i, other as usize);
    }
}
