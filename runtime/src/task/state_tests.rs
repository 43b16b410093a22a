//! Every (state, call) pair of the task word, refusals included.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;

fn word(state: u64, flags: u64, epoch: u64) -> TaskWord {
    TaskWord(AtomicU64::new(state | flags | epoch << EPOCH_SHIFT))
}

fn bits(word: &TaskWord) -> (u64, u64, u64) {
    let raw = word.0.load(Ordering::Relaxed);
    (raw & STATE, raw & (CANCEL | NOINT), raw >> EPOCH_SHIFT)
}

fn refused(call: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

const ALL: [u64; 4] = [READY, IN_QUEUE, EXECUTING, IO_WAITING];
const FLAGS: [u64; 4] = [0, CANCEL, NOINT, CANCEL | NOINT];

#[test]
fn spawned_takes_only_a_ready_task() {
    for state in ALL {
        let w = word(state, 0, 7);
        if state == READY {
            w.spawned();
            assert_eq!(bits(&w), (IN_QUEUE, 0, 7));
        } else {
            assert!(refused(|| w.spawned()));
        }
    }
}

#[test]
fn run_takes_only_a_queued_task_and_ends_its_epoch() {
    for state in ALL {
        for flags in FLAGS {
            let w = word(state, flags, 7);
            assert_eq!(w.is_queued(), state == IN_QUEUE);
            if state == IN_QUEUE {
                w.run();
                assert_eq!(bits(&w), (EXECUTING, flags, 8));
                assert_eq!(w.wake(Epoch(7)), Wake::Stale);
            } else {
                assert!(refused(|| w.run()));
            }
        }
    }
}

#[test]
fn begin_wait_names_a_new_epoch_and_sets_noint_anew() {
    for state in ALL {
        for flags in FLAGS {
            for noint in [false, true] {
                let w = word(state, flags, 7);
                if state == EXECUTING || state == READY {
                    assert_eq!(w.begin_wait(noint), Epoch(8));
                    let expected = flags & CANCEL | if noint { NOINT } else { 0 };
                    assert_eq!(bits(&w), (EXECUTING, expected, 8));
                } else {
                    assert!(refused(|| {
                        w.begin_wait(noint);
                    }));
                }
            }
        }
    }
}

#[test]
fn wake_of_the_present_epoch_claims_once() {
    for flags in FLAGS {
        let w = word(EXECUTING, flags, 7);
        assert_eq!(w.wake(Epoch(7)), Wake::Noticed);
        assert_eq!(bits(&w), (READY, flags, 7));
        assert_eq!(w.wake(Epoch(7)), Wake::Stale);

        let w = word(IO_WAITING, flags, 7);
        assert_eq!(w.wake(Epoch(7)), Wake::Enqueue);
        assert_eq!(bits(&w), (IN_QUEUE, flags, 7));
        assert_eq!(w.wake(Epoch(7)), Wake::Stale);
    }
}

#[test]
fn wake_of_another_epoch_changes_nothing() {
    for state in ALL {
        for other in [6, 8] {
            let w = word(state, 0, 7);
            assert_eq!(w.wake(Epoch(other)), Wake::Stale);
            assert_eq!(bits(&w), (state, 0, 7));
        }
    }
}

#[test]
fn commit_parks_unless_noticed_or_cancelled() {
    for state in ALL {
        for flags in FLAGS {
            let w = word(state, flags, 7);
            match state {
                READY => {
                    assert_eq!(w.commit(), Commit::Noticed);
                    assert_eq!(bits(&w), (EXECUTING, flags, 8));
                    continue;
                }
                EXECUTING if flags == CANCEL => {
                    assert_eq!(w.commit(), Commit::Cancelled);
                    assert_eq!(bits(&w), (EXECUTING, flags, 8));
                    assert_eq!(w.wake(Epoch(7)), Wake::Stale);
                    continue;
                }
                EXECUTING => {
                    assert_eq!(w.commit(), Commit::Parked);
                    assert_eq!(bits(&w), (IO_WAITING, flags, 7));
                    continue;
                }
                _ => assert!(refused(|| {
                    let _refused = w.commit();
                })),
            }
            assert_eq!(bits(&w), (state, flags, 7));
        }
    }
}

#[test]
fn cancel_sets_the_bit_and_wakes_only_an_interruptible_wait() {
    for state in ALL {
        for flags in FLAGS {
            let w = word(state, flags, 7);
            let duty = w.cancel();
            if state == IO_WAITING && flags & NOINT == 0 {
                assert_eq!(duty, Wake::Enqueue);
                assert_eq!(bits(&w), (IN_QUEUE, flags | CANCEL, 7));
            } else {
                assert_eq!(duty, Wake::Noticed);
                assert_eq!(bits(&w), (state, flags | CANCEL, 7));
            }
            assert!(w.is_cancelled());
        }
    }
}

#[test]
fn finished_ends_the_epoch_and_recycled_clears_the_flags() {
    for state in ALL {
        for flags in FLAGS {
            let w = word(state, flags, 7);
            if state == EXECUTING || state == READY {
                w.finished();
                assert_eq!(bits(&w), (READY, flags, 8));
                w.recycled();
                assert_eq!(bits(&w), (READY, 0, 8));
            } else {
                assert!(refused(|| w.finished()));
                assert!(refused(|| w.recycled()));
            }
        }
    }
}

#[test]
fn a_thread_always_executes() {
    let w = TaskWord::new();
    w.mark_executing();
    assert_eq!(w.stage(), Stage::Executing);
    assert!(refused(|| w.mark_executing()));
}

#[test]
fn a_stale_waker_of_a_recycled_header_is_refused() {
    let w = TaskWord::new();
    w.spawned();
    w.run();
    let old = w.begin_wait(false);
    assert_eq!(w.wake(old), Wake::Noticed);
    assert_eq!(w.commit(), Commit::Noticed);
    w.finished();
    w.recycled();
    w.spawned();
    w.run();
    let _new = w.begin_wait(false);
    assert_eq!(w.commit(), Commit::Parked);
    assert_eq!(w.wake(old), Wake::Stale);
    assert_eq!(w.stage(), Stage::Waiting);
}
