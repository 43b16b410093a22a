//! Nothing is left behind: descriptors, threads and stacks are where they were.
//!
//! The counts are of the whole process, so each test has one of its own.

use std::{
    io::{Read, Write},
    time::Duration,
};

use lif::net::{TcpStream, UdpSocket, UnixStream};
use lif_tests::{
    alone, count,
    net::{ask, echo, listener, pair},
    runtime, until,
};

/// Runs `turn` once, for what is made once, then many times, and expects to hold no more after.
fn leaves_nothing(turns: usize, mut turn: impl FnMut()) {
    let (threads, stacks) = (count::threads(), count::live_stacks());
    turn();
    let descriptors = count::descriptors();
    for _ in 0..turns {
        turn();
    }
    // A thread that has been joined may still be listed for a moment.
    until(|| count::threads() == threads && count::live_stacks() == stacks);
    assert_eq!(count::descriptors(), descriptors);
}

#[test]
fn fifty_runtimes_with_sockets_in_flight_leave_nothing() {
    alone(|| {
        leaves_nothing(50, || {
            let runtime = runtime(3);
            let (listener, address) = listener();
            runtime.go(move || {
                for stream in listener.incoming() {
                    let Ok(mut stream) = stream else { return };
                    drop(lif::go(move || drop(echo(&mut stream))));
                }
            });
            for i in 0..20 {
                drop(runtime.go(move || {
                    // The runtime may go at any moment; the last wait is for that.
                    let Ok(mut stream) = TcpStream::connect(address) else { return };
                    if ask(&mut stream, i).is_ok() {
                        drop(stream.read(&mut [0; 1]));
                    }
                }));
            }
            runtime.run(|| {
                let mut stream = TcpStream::connect(address).unwrap();
                ask(&mut stream, 1).unwrap();
                lif::blocking(|| ());
            });
            drop(runtime);
        });
    })
    .passed();
}

#[test]
fn clones_conversions_and_failed_waits_leave_no_descriptor() {
    alone(|| {
        let runtime = runtime(1);
        let (dead, nobody) = listener();
        drop(dead);
        leaves_nothing(100, || {
            runtime.run(|| {
                let (mine, theirs) = pair();
                let clone = mine.try_clone().unwrap();
                clone.set_read_timeout(Some(Duration::from_micros(1))).unwrap();
                (&clone).read(&mut [0; 1]).unwrap_err();
                let std = std::net::TcpStream::from(clone);
                let back = TcpStream::from(std);
                (&back).write_all(b"x").unwrap();
                drop((mine, theirs));
                TcpStream::connect(nobody).unwrap_err();
                let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
                udp.set_read_timeout(Some(Duration::from_micros(1))).unwrap();
                udp.recv(&mut [0; 1]).unwrap_err();
                let (mut a, mut b) = UnixStream::pair().unwrap();
                let reader = lif::go(move || drop(a.read(&mut [0; 1])));
                lif::yield_now();
                reader.cancel();
                drop(reader.join());
                b.write(b"x").unwrap_err();
            });
        });
    })
    .passed();
}

#[test]
fn coroutines_that_end_in_every_way_leave_no_stack() {
    alone(|| {
        std::panic::set_hook(Box::new(|_| ()));
        let runtime = runtime(2);
        leaves_nothing(20, || {
            let mut handles = Vec::new();
            for _ in 0..50 {
                handles.push(runtime.go(|| ()));
                handles.push(runtime.go(|| panic!("on purpose")));
                handles.push(runtime.go(|| lif::sleep(Duration::MAX)));
                handles.push(runtime.go(lif::park));
            }
            for handle in handles {
                handle.cancel();
                drop(handle.join());
            }
            runtime.wait_idle();
        });
    })
    .passed();
}

#[test]
fn threads_that_wait_leave_no_descriptor() {
    alone(|| {
        leaves_nothing(50, || {
            let (mut mine, mut theirs) = pair();
            let waits = std::thread::spawn(move || {
                // It has a wire from then on, for as long as it lives.
                mine.read_exact(&mut [0; 1]).unwrap();
            });
            theirs.write_all(b"x").unwrap();
            waits.join().unwrap();
        });
    })
    .passed();
}

#[test]
fn a_runtime_dropped_by_its_own_coroutine_leaves_nothing() {
    alone(|| {
        let all = || (count::descriptors(), count::threads());
        let before = all();
        leaves_nothing(30, || {
            let own = runtime(2);
            let handle = own.handle();
            drop(handle.go(move || {
                for _ in 0..10 {
                    drop(lif::go(lif::park));
                }
                drop(own);
            }));
            // Nobody can wait for its threads.
            until(|| handle.metrics().live == 0 && all() == before);
        });
    })
    .passed();
}

#[test]
fn memory_does_not_grow_with_the_coroutines_that_have_ended() {
    alone(|| {
        let runtime = runtime(2);
        let round = || {
            runtime.run(|| {
                let many: Vec<_> = (0..2_000).map(|i| lif::go(move || vec![i; 100])).collect();
                for one in many {
                    assert_eq!(one.join().unwrap().len(), 100);
                }
            });
        };
        for _ in 0..5 {
            round();
        }
        let before = count::resident_bytes();
        for _ in 0..25 {
            round();
        }
        let grown = count::resident_bytes().saturating_sub(before);
        // 50,000 coroutines: a hundred bytes lost in each would show.
        assert!(grown < 5_000_000, "{grown} bytes more");
    })
    .passed();
}
