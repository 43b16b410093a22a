//! What the tests of channels share: a watchdog, and coroutines and threads under one name.

use std::{sync::mpsc, thread, time::Duration};

/// Runs `test` on a thread of its own, and ends the process if it hangs.
pub(crate) fn within_a_minute(test: impl FnOnce() + Send + 'static) {
    let (done, waits) = mpsc::channel();
    let runs = thread::spawn(move || {
        test();
        done.send(()).unwrap();
    });
    if waits.recv_timeout(Duration::from_secs(60)) == Err(mpsc::RecvTimeoutError::Timeout) {
        eprintln!("the test hangs");
        std::process::abort();
    }
    if let Err(panic) = runs.join() {
        std::panic::resume_unwind(panic);
    }
}

/// As `within_a_minute`, in the first coroutine of a runtime.
#[allow(dead_code, reason = "not every file of tests needs it")]
pub(crate) fn in_a_runtime(test: impl FnOnce() + Send + 'static) {
    within_a_minute(|| lif::run(test));
}

/// Lets the other coroutines of this worker, and threads, get to where they wait. Nothing depends on
/// whether they do.
#[allow(dead_code, reason = "not every file of tests needs it")]
pub(crate) fn let_others_wait() {
    lif::sleep(Duration::from_millis(5));
}
