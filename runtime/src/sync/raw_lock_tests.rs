//! The lock's word: each call in each state, without anybody who waits.

use super::*;

fn word(lock: &RawLock) -> usize {
    lock.word.load(Ordering::Relaxed)
}

#[test]
fn a_share_is_taken_only_of_a_word_that_has_it() {
    for (word, one, shared) in [
        (0, true, true),
        (WRITER, false, false),
        (READER, false, true),
        (3 * READER, false, true),
        (WAKING, true, true),
        (QUEUED, true, true),
        (QUEUED | WAKING, true, true),
        (READER | WAKING, false, true),
        (READER | QUEUED, false, false),
        (WRITER | QUEUED, false, false),
        (WRITER | QUEUED | WAKING, false, false),
    ] {
        assert_eq!(with(word, Share::One), one.then_some(word | WRITER), "{word}");
        assert_eq!(with(word, Share::Shared), shared.then_some(word + READER), "{word}");
    }
}

#[test]
fn the_lock_is_owed_when_the_last_leaves_and_nobody_was_called() {
    for (word, owed) in [
        (0, false),
        (QUEUED, true),
        (QUEUED | WAKING, false),
        (WAKING, false),
        (QUEUED | READER, false),
        (QUEUED | WRITER, false),
    ] {
        assert_eq!(owes(word), owed, "{word}");
    }
}

#[test]
fn shares_come_and_go_without_a_trace() {
    let lock = RawLock::new();
    assert!(lock.try_lock(Share::One));
    assert!(!lock.try_lock(Share::One) && !lock.try_lock(Share::Shared));
    lock.unlock(Share::One, |_| unreachable!());
    assert!(lock.try_lock(Share::Shared) && lock.try_lock(Share::Shared));
    assert!(!lock.try_lock(Share::One));
    lock.unlock(Share::Shared, |_| unreachable!());
    assert_eq!(word(&lock), READER);
    lock.unlock(Share::Shared, |_| unreachable!());
    assert_eq!(word(&lock), 0);
}

#[test]
#[should_panic(expected = "who unlocks has a share")]
fn unlocking_a_free_lock_is_refused() {
    RawLock::new().unlock(Share::One, |_| {});
}
