//! The crates that are ported, and what is known of their tests.
//!
//! Owns the facts alone. A test that is not listed as failing must pass, and one that is listed must
//! fail: the run compares. Only for those that are listed as a matter of chance is either right.

/// A published crate of threaded code.
#[derive(Debug)]
pub(super) struct Crate {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) about: &'static str,
    /// What of it is rewritten and tested.
    pub(super) part: Part,
    /// What the rewriter cannot know: in the rewritten source, this becomes that.
    pub(super) edits: &'static [(&'static str, &'static str)],
    /// Tests that do not pass, as `binary/name`, each with its reason.
    pub(super) known: &'static [(&'static str, &'static str)],
    /// Tests that pass or not by chance, likewise.
    pub(super) chance: &'static [(&'static str, &'static str)],
}

/// What of a crate is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The crate and its tests: the crate runs on Lif.
    Whole,
    /// The files in `tests/` alone: what they test is Lif in place of the crate.
    Tests,
}

/// In the order in which they run.
pub(super) static CRATES: [Crate; 5] = [
    Crate {
        name: "threadpool",
        version: "1.8.1",
        about: "a pool of threads for jobs, on std's mpsc, Mutex and Condvar",
        part: Part::Whole,
        edits: &[],
        known: &[],
        chance: &[],
    },
    Crate {
        name: "jobpool",
        version: "0.3.8",
        about: "a pool of threads with priorities, on std's Mutex and Condvar",
        part: Part::Whole,
        edits: &[],
        known: &[],
        chance: &[],
    },
    Crate {
        name: "bus",
        version: "2.4.1",
        about: "a broadcast channel of its own, on park and unpark and crossbeam-channel",
        part: Part::Whole,
        edits: &[],
        known: &[],
        chance: &[],
    },
    Crate {
        name: "tiny_http",
        version: "0.12.0",
        about: "an HTTP/1.1 server, on std's net, thread, mpsc, Mutex and Condvar",
        part: Part::Whole,
        // The module stands for std's, which has more than the sockets.
        edits: &[("unix_net::SocketAddr", "std::os::unix::net::SocketAddr")],
        known: &[],
        chance: &[],
    },
    Crate {
        name: "crossbeam-channel",
        version: "0.5.17",
        about: "the tests of crossbeam-channel, with lif::channel in its place",
        part: Part::Tests,
        // A macro that crossbeam does not document, used as the documented one; and a name that Lif
        // has for a module too.
        edits: &[
            ("cc::crossbeam_channel_internal!", "cc::select!"),
            ("\nmod select {", "\nmod selecting {"),
        ],
        known: &[
            (
                "array/panic_on_drop",
                "of several messages whose drop panics, crossbeam leaks all but the first; Lif drops \
                 them all, as Vec does, and the second panic aborts",
            ),
            (
                "golang/chan1::main",
                "leaves receivers behind and ends the process if one of them panics; the end of a \
                 runtime cancels them, so they see a closed channel and panic",
            ),
            (
                "golang/sieve1::main",
                "leaves endless senders behind and ends the process if one of them panics; the end \
                 of a runtime cancels them, so they see a closed channel and panic",
            ),
            (
                "list/stack_overflow",
                "moves a message of 32 KiB through many unoptimised calls, which is more than the \
                 default stack of a coroutine has room for",
            ),
        ],
        chance: &[(
            "golang/select2::main",
            "counts the bytes that an unbounded channel keeps; Lif's buffer keeps the size of the \
             longest queue, which depends on how far the sender gets ahead",
        )],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_names_a_binary_and_gives_a_reason() {
        for (test, why) in CRATES.iter().flat_map(|c| c.known.iter().chain(c.chance)) {
            assert!(test.contains('/') && why.len() > 10, "{test}: {why}");
        }
    }

    #[test]
    fn names_are_unique() {
        for (i, one) in CRATES.iter().enumerate() {
            assert!(CRATES[..i].iter().all(|other| other.name != one.name), "{}", one.name);
        }
    }
}
