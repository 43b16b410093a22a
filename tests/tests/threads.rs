//! Every blocking call on plain threads, alone and with coroutines at the other end.

use std::{
    io::{ErrorKind, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use lif::net::{TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use lif_tests::{
    net::{ask, echo, fill, listener, pair},
    runtime, until, watch,
};

#[test]
fn a_server_and_its_clients_all_on_threads() {
    let _watch = watch();
    let (listener, address) = listener();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::scope(|handlers| {
                for stream in listener.incoming().take(8) {
                    handlers.spawn(move || echo(&mut stream.unwrap()).unwrap());
                }
            });
        });
        for i in 0..8 {
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                for n in 0..200 {
                    ask(&mut stream, i * 1_000 + n).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_server_on_a_thread_serves_coroutines_and_the_other_way_round() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let (listener, address) = listener();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..10 {
                let (mut stream, _peer) = listener.accept().unwrap();
                if i % 2 == 0 {
                    drop(runtime.go(move || echo(&mut stream)));
                } else {
                    scope.spawn(move || echo(&mut stream).unwrap());
                }
            }
        });
        for i in 0..10_u64 {
            let client = move || {
                let mut stream = TcpStream::connect(address).unwrap();
                for n in 0..100 {
                    ask(&mut stream, i * 1_000 + n).unwrap();
                }
            };
            if i % 3 == 0 {
                runtime.run(client);
            } else {
                scope.spawn(client);
            }
        }
    });
}

#[test]
fn a_blocked_write_on_a_thread_goes_on_when_there_is_room() {
    let _watch = watch();
    let (mut mine, mut theirs) = pair();
    let filled = fill(&mine).unwrap();
    let more = 4 << 20;
    let writes = std::thread::spawn(move || mine.write_all(&vec![1; more]).unwrap());
    let mut left = filled + more;
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        left -= theirs.read(&mut buffer).unwrap();
    }
    writes.join().unwrap();
}

#[test]
fn datagrams_and_unix_sockets_block_threads() {
    let _watch = watch();
    let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let address = b.local_addr().unwrap();
    let receives = std::thread::spawn(move || {
        let mut buffer = [0; 16];
        let (n, from) = b.recv_from(&mut buffer).unwrap();
        b.send_to(&buffer[..n], from).unwrap();
    });
    a.send_to(b"datagram", address).unwrap();
    assert_eq!(a.recv(&mut [0; 16]).unwrap(), 8);
    receives.join().unwrap();
    let (a, b) = UnixDatagram::pair().unwrap();
    let receives = std::thread::spawn(move || (0..100).map(|_| b.recv(&mut [0; 8]).unwrap()).sum());
    for _ in 0..100 {
        a.send(b"1234").unwrap();
    }
    let sum: usize = receives.join().unwrap();
    assert_eq!(sum, 400);
    let path = std::env::temp_dir().join(format!("lif-tests-threads-{}", std::process::id()));
    let unix = UnixListener::bind(&path).unwrap();
    let accepts = std::thread::spawn(move || echo(&mut unix.accept().unwrap().0).unwrap());
    let mut stream = UnixStream::connect(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    ask(&mut stream, 9).unwrap();
    drop(stream);
    accepts.join().unwrap();
}

#[test]
fn threads_and_coroutines_unpark_each_other() {
    const ROUNDS: usize = 5_000;
    let watchdog = watch();
    let runtime = runtime(1);
    watchdog.about(&runtime);
    let turn = Arc::<AtomicUsize>::default();
    let (mine, theirs) = (lif::current(), Arc::clone(&turn));
    let coroutine = runtime.go(move || {
        for round in 0..ROUNDS {
            while theirs.load(Ordering::SeqCst) != 2 * round {
                lif::park();
            }
            theirs.fetch_add(1, Ordering::SeqCst);
            mine.unpark();
        }
    });
    for round in 0..ROUNDS {
        while turn.load(Ordering::SeqCst) != 2 * round + 1 {
            lif::park();
        }
        turn.fetch_add(1, Ordering::SeqCst);
        coroutine.thread().unpark();
    }
    coroutine.join().unwrap();
}

#[test]
fn a_thread_has_a_token_of_its_own_beside_stds() {
    let _watch = watch();
    // A notice of std's is not ours, and the other way round.
    std::thread::current().unpark();
    let before = Instant::now();
    lif::park_timeout(Duration::from_millis(2));
    assert!(before.elapsed() >= Duration::from_millis(2));
    lif::current().unpark();
    std::thread::park();
    lif::park();
}

#[test]
fn notices_do_not_add_up() {
    let _watch = watch();
    let test = || {
        for _ in 0..3 {
            lif::current().unpark();
        }
        lif::park();
        let before = Instant::now();
        lif::park_timeout(Duration::from_millis(1));
        assert!(before.elapsed() >= Duration::from_millis(1));
    };
    test();
    runtime(1).run(test);
}

#[test]
fn many_threads_join_coroutines() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    std::thread::scope(|scope| {
        for i in 0..8_u64 {
            let runtime = &runtime;
            scope.spawn(move || {
                for n in 0..300 {
                    let slow = runtime.go(move || {
                        if n % 3 == 0 {
                            lif::sleep(Duration::from_micros(30));
                        }
                        i * n
                    });
                    assert_eq!(slow.join().unwrap(), i * n);
                }
            });
        }
    });
}

#[test]
fn a_thread_and_coroutines_wait_on_one_socket() {
    const TOTAL: usize = 3_000;
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let (mine, mut theirs) = UnixStream::pair().unwrap();
    let mine = Arc::new(mine);
    let read = Arc::<AtomicUsize>::default();
    let reader = || {
        let (mine, read) = (Arc::clone(&mine), Arc::clone(&read));
        move || {
            loop {
                match (&*mine).read(&mut [0; 3]).unwrap() {
                    0 => return,
                    n => read.fetch_add(n, Ordering::SeqCst),
                };
            }
        }
    };
    let coroutines = [runtime.go(reader()), runtime.go(reader())];
    let threads = [std::thread::spawn(reader()), std::thread::spawn(reader())];
    for _ in 0..TOTAL {
        theirs.write_all(b"x").unwrap();
    }
    drop(theirs);
    for coroutine in coroutines {
        coroutine.join().unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(read.load(Ordering::SeqCst), TOTAL);
}

#[test]
fn a_nonblocking_socket_never_blocks_a_thread() {
    let _watch = watch();
    let (mut mine, _theirs) = pair();
    mine.set_nonblocking(true).unwrap();
    assert_eq!(mine.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let (listener, _address) = listener();
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// Waits in every way when its thread has gone so far that the library's own thread-local has gone.
struct Late(Arc<AtomicUsize>);

impl Drop for Late {
    fn drop(&mut self) {
        let (mut mine, mut theirs) = pair();
        let me = lif::current();
        let other = std::thread::spawn(move || {
            theirs.write_all(b"x").unwrap();
            me.unpark();
        });
        mine.read_exact(&mut [0; 1]).unwrap();
        other.join().unwrap();
        let before = Instant::now();
        lif::sleep(Duration::from_micros(300));
        assert!(before.elapsed() >= Duration::from_micros(300));
        lif::park_timeout(Duration::from_micros(50));
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A thread that ends with that.
fn ends_late(done: &Arc<AtomicUsize>) -> std::thread::JoinHandle<()> {
    thread_local! {
        static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
    }
    let late = Late(Arc::clone(done));
    std::thread::spawn(move || {
        LATE.set(Some(late));
        // The library's own thread-local is made after it, and so goes before it or after it, as
        // the system likes: both have to work.
        lif::sleep(Duration::from_micros(1));
    })
}

#[test]
fn a_wait_in_the_destructor_of_a_thread_local_works() {
    let _watch = watch();
    let done = Arc::<AtomicUsize>::default();
    ends_late(&done).join().unwrap();
    until(|| done.load(Ordering::SeqCst) == 1);
}

#[test]
fn waits_in_destructors_of_thread_locals_disturb_nobody() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let (done, over) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let over = Arc::clone(&over);
            runtime.go(move || {
                while !over.load(Ordering::SeqCst) {
                    let before = Instant::now();
                    lif::sleep(Duration::from_micros(100));
                    assert!(before.elapsed() >= Duration::from_micros(100));
                    assert_eq!(lif::go(|| 1).join().unwrap(), 1);
                }
            })
        })
        .collect();
    for _ in 0..10 {
        let threads: Vec<_> = (0..10).map(|_| ends_late(&done)).collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
    assert_eq!(done.load(Ordering::SeqCst), 100);
    over.store(true, Ordering::SeqCst);
    for busy in busy {
        busy.join().unwrap();
    }
}
