//! A stack that overflows ends the process with a message; a fault elsewhere is left to others.

use lif_tests::{alone, runtime};

/// Needs more stack than there is.
#[expect(unconditional_recursion, reason = "it is to overflow")]
fn descend(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 32]);
    descend(depth + 1) + frame[7]
}

/// Lets some coroutines park around the one that counts.
fn among_others(f: impl FnOnce() + Send + 'static) {
    runtime(2).run(|| {
        for _ in 0..50 {
            drop(lif::go(lif::park));
        }
        f();
        for _ in 0..50 {
            drop(lif::go(lif::park));
        }
        lif::park();
    });
}

#[test]
fn a_named_coroutine_is_reported_by_its_name() {
    alone(|| {
        among_others(|| {
            let deep =
                lif::Builder::new().name("the deep one").spawn(|| println!("{}", descend(0)));
            drop(deep.unwrap());
        });
    })
    .died_of(
        libc::SIGABRT,
        &[
            "coroutine 'the deep one'",
            "has overflowed its stack",
            "overflow.rs:",
            "256 KiB of address space",
            "stack_size",
        ],
    );
}

#[test]
fn an_unnamed_coroutine_is_reported_by_where_it_was_spawned() {
    let line = line!() + 4;
    let overflow = alone(|| {
        among_others(|| {
            // The next line is the one that is named.
            drop(lif::go(|| println!("{}", descend(0))));
        });
    });
    let place = format!("overflow.rs:{line}:");
    overflow.died_of(libc::SIGABRT, &["'<unnamed>'", &place, "has overflowed its stack"]);
}

#[test]
fn the_report_gives_the_size_that_was_asked_for() {
    alone(|| {
        among_others(|| {
            let deep = lif::Builder::new().stack_size(1 << 20).spawn(|| println!("{}", descend(0)));
            drop(deep.unwrap());
        });
    })
    .died_of(libc::SIGABRT, &["1024 KiB of address space", "has overflowed its stack"]);
}

#[test]
fn an_overflow_after_many_waits_is_reported_too() {
    alone(|| {
        among_others(|| {
            drop(lif::go(|| {
                for _ in 0..100 {
                    lif::yield_now();
                    lif::sleep(std::time::Duration::from_micros(10));
                }
                println!("{}", descend(0));
            }));
        });
    })
    .died_of(libc::SIGABRT, &["'<unnamed>'", "has overflowed its stack"]);
}

#[test]
fn a_large_frame_of_foreign_code_does_not_jump_over_the_guard() {
    alone(|| {
        among_others(|| {
            drop(lif::go(|| {
                // As C code without stack probes: a write far below, in one step.
                let here = 0_u8;
                let below = (&raw const here).wrapping_sub(200 * 1024);
                // SAFETY: none: it is an access beyond the stack, and the process ends here.
                unsafe { below.cast_mut().write_volatile(1) };
            }));
        });
    })
    .died_of(libc::SIGABRT, &["overflowed its stack"]);
}

#[test]
fn a_fault_elsewhere_in_a_coroutine_has_the_default_end() {
    let fault = alone(|| {
        among_others(|| {
            drop(lif::go(|| {
                let wild = std::ptr::without_provenance_mut::<u8>(0x10);
                // SAFETY: none: it is a wild access, and the process ends here.
                unsafe { wild.write_volatile(1) };
            }));
        });
    });
    fault.died_of(libc::SIGSEGV, &[]);
    assert!(!fault.output.contains("overflowed"), "{}", fault.output);
}

#[test]
fn a_fault_elsewhere_goes_to_the_handler_that_was_there_before() {
    extern "C" fn handler(_signal: libc::c_int) {
        let text = b"the handler before has it\n";
        // SAFETY: both are async-signal-safe, and the text is there.
        unsafe {
            libc::write(1, text.as_ptr().cast(), text.len());
            libc::_exit(33);
        }
    }
    let fault = alone(|| {
        let handler: extern "C" fn(libc::c_int) = handler;
        // SAFETY: the handler keeps to what one may do.
        let before = unsafe { libc::signal(libc::SIGSEGV, handler as libc::sighandler_t) };
        assert_ne!(before, libc::SIG_ERR);
        among_others(|| {
            drop(lif::go(|| {
                let wild = std::ptr::without_provenance_mut::<u8>(0x10);
                // SAFETY: none: it is a wild access, and the process ends in the handler.
                unsafe { wild.write_volatile(1) };
            }));
        });
    });
    assert_eq!(fault.status.code(), Some(33), "{}", fault.output);
    assert!(fault.output.contains("the handler before has it"), "{}", fault.output);
}

#[test]
fn an_overflow_of_a_plain_thread_is_still_stds() {
    alone(|| {
        runtime(1).run(|| ());
        std::thread::spawn(|| println!("{}", descend(0))).join().unwrap();
    })
    .died_of(libc::SIGABRT, &["has overflowed its stack"]);
}
