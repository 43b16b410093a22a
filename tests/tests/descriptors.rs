//! Out of descriptors: a server goes on when they come back, and stalls nobody meanwhile.
//!
//! Each runs in a process of its own, whose limit it lowers.

use std::{
    fs::File,
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif::net::{TcpListener, TcpStream, UdpSocket};
use lif_tests::{
    alone,
    child::limit,
    net::{ask, echo, listener, pair},
    runtime, until,
};

/// Takes all descriptors that are left.
fn take_all() -> Vec<File> {
    let mut taken = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => taken.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                return taken;
            }
        }
    }
}

fn lower_the_limit() {
    limit(libc::RLIMIT_NOFILE, 256);
}

#[test]
fn accept_fails_without_descriptors_and_goes_on_with_them() {
    alone(|| {
        lower_the_limit();
        runtime(2).run(|| {
            let (listener, address) = listener();
            let server = lif::go(move || {
                let mut failures = 0;
                loop {
                    match listener.accept() {
                        Ok((mut stream, _peer)) => {
                            echo(&mut stream).unwrap();
                            return failures;
                        }
                        Err(error) => {
                            assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                            failures += 1;
                            lif::sleep(Duration::from_millis(1));
                        }
                    }
                }
            });
            let client = socket2::Socket::new(
                socket2::Domain::IPV4,
                socket2::Type::STREAM,
                Some(socket2::Protocol::TCP),
            );
            let client = client.unwrap();
            let mut taken = take_all();
            client.connect(&address.into()).unwrap();
            let mut client = TcpStream::from(std::net::TcpStream::from(client));
            client.write_all(&7_u64.to_le_bytes()).unwrap();
            lif::sleep(Duration::from_millis(20));
            assert!(!server.is_finished());
            taken.truncate(10);
            // The connection was still in the queue.
            let mut answer = [0; 8];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(u64::from_le_bytes(answer), 7);
            drop(client);
            assert!(server.join().unwrap() > 0);
        });
    })
    .passed();
}

/// The loop that ignores errors: without descriptors each turn fails at once.
#[test]
fn an_accept_loop_that_fails_at_once_stalls_nobody() {
    alone(|| {
        lower_the_limit();
        let runtime =
            lif::Runtime::builder().workers(1).shutdown_grace(Duration::from_millis(20)).build();
        let runtime = runtime.unwrap();
        let failures = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&failures);
        let (listener, address) = listener();
        let served = Arc::<AtomicUsize>::default();
        let serves = Arc::clone(&served);
        runtime.go(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else {
                    count.fetch_add(1, Ordering::SeqCst);
                    continue;
                };
                let serves = Arc::clone(&serves);
                lif::go(move || {
                    serves.fetch_add(1, Ordering::SeqCst);
                    drop(echo(&mut stream));
                });
            }
        });
        let (mut mine, mut theirs) = pair();
        runtime.go(move || echo(&mut theirs));
        // The thread of this test may wait for descriptors, and needs one for that.
        ask(&mut mine, 1).unwrap();
        let mut waiting = std::net::TcpStream::connect(address).unwrap();
        until(|| served.load(Ordering::SeqCst) == 1);
        let spare =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let taken = take_all();
        spare.connect(&address.into()).unwrap();
        until(|| failures.load(Ordering::SeqCst) > 1_000);
        runtime.run(|| {
            for round in 0..20 {
                ask(&mut mine, round).unwrap();
                lif::sleep(Duration::from_micros(200));
                lif::go(|| ()).join().unwrap();
            }
        });
        drop(taken);
        until(|| served.load(Ordering::SeqCst) == 2);
        waiting.write_all(b"still").unwrap();
        waiting.read_exact(&mut [0; 5]).unwrap();
        // And its runtime ends.
        drop(runtime);
    })
    .passed();
}

#[test]
fn every_maker_of_sockets_says_that_there_are_no_descriptors() {
    alone(|| {
        lower_the_limit();
        let (_listener, address) = listener();
        let (mine, _theirs) = pair();
        let runtime = runtime(1);
        let taken = take_all();
        let without = || {
            let says = |error: std::io::Error| {
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
            };
            says(TcpStream::connect(address).unwrap_err());
            says(TcpListener::bind("127.0.0.1:0").unwrap_err());
            says(UdpSocket::bind("127.0.0.1:0").unwrap_err());
            says(mine.try_clone().unwrap_err());
        };
        runtime.run(without);
        without();
        // What is there works on.
        assert_eq!(runtime.run(|| lif::go(|| 8).join().unwrap()), 8);
        drop(taken);
        runtime.run(|| TcpStream::connect(address).unwrap());
    })
    .passed();
}

#[test]
fn a_runtime_that_gets_no_descriptors_is_an_error_and_leaves_nothing() {
    alone(|| {
        lower_the_limit();
        let mut taken = take_all();
        let threads = lif_tests::count::threads;
        for free in 0..12 {
            taken.truncate(taken.len() - 1);
            // With fewer than it needs it fails, with more it starts; never does it stay halfway.
            taken.truncate(taken.len() - free % 3);
            drop(lif::Runtime::builder().workers(4).build());
        }
        drop(taken);
        let before = (lif_tests::count::descriptors(), threads());
        let taken = take_all();
        let refused = lif::Runtime::builder().workers(4).build();
        assert_eq!(refused.unwrap_err().raw_os_error(), Some(libc::EMFILE));
        drop(taken);
        until(|| (lif_tests::count::descriptors(), threads()) == before);
        runtime(4).run(|| ());
    })
    .passed();
}

#[test]
fn a_thread_that_gets_no_wire_says_so_and_can_wait_later() {
    alone(|| {
        lower_the_limit();
        let (mine, mut theirs) = pair();
        let taken = take_all();
        let error = (&mine).read(&mut [0; 1]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
        drop(taken);
        let late = std::thread::spawn(move || {
            theirs.write_all(b"x").unwrap();
        });
        assert_eq!((&mine).read(&mut [0; 1]).unwrap(), 1);
        late.join().unwrap();
    })
    .passed();
}

#[test]
fn an_accept_loop_that_fails_at_once_ends_with_its_runtime() {
    alone(|| {
        lower_the_limit();
        let runtime =
            lif::Runtime::builder().workers(2).shutdown_grace(Duration::from_millis(20)).build();
        let runtime = runtime.unwrap();
        let failures = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&failures);
        let (listener, address) = listener();
        let server = runtime.go(move || {
            for stream in listener.incoming() {
                if stream.is_err() {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let client =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let taken = take_all();
        client.connect(&address.into()).unwrap();
        until(|| failures.load(Ordering::SeqCst) > 1_000);
        drop(runtime);
        assert!(lif_tests::was_cancelled(server.join()));
        drop(taken);
    })
    .passed();
}

#[test]
fn a_cancelled_acceptor_ends_without_descriptors() {
    alone(|| {
        lower_the_limit();
        let runtime = runtime(1);
        let (listener, _address) = listener();
        let started = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&started);
        let server = runtime.go(move || {
            flag.store(true, Ordering::SeqCst);
            listener.accept().is_err()
        });
        until(|| started.load(Ordering::SeqCst));
        runtime.run(|| ());
        let taken = take_all();
        server.cancel();
        assert!(server.join().unwrap());
        drop(runtime);
        drop(taken);
    })
    .passed();
}
