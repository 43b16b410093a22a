//! Cancellation in every kind of wait: what can fail fails, what cannot unwinds, what lends its
//! stack goes on.

use std::{
    io::{self, IoSlice, IoSliceMut, Read, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lif::{
    Cancelled, Interest,
    cancel::Reason,
    net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream},
};
use lif_tests::{
    failed_cancelled,
    net::{fill, listener, pair},
    runtime, until, was_cancelled, watch, yield_until,
};

/// Cancels a coroutine that sits in `wait`, and returns what the wait has returned.
fn cancelled_in<T: Send + 'static>(
    wait: impl FnOnce() -> T + Send + 'static,
) -> std::thread::Result<T> {
    // With one worker, it is parked as soon as anybody else runs.
    let runtime = runtime(1);
    runtime.run(move || {
        let started = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&started);
        let waits = lif::go(move || {
            flag.store(true, Ordering::SeqCst);
            wait()
        });
        yield_until(|| started.load(Ordering::SeqCst));
        for _ in 0..3 {
            lif::yield_now();
        }
        assert!(!waits.is_finished(), "it does not wait");
        waits.cancel();
        waits.join()
    })
}

/// Expects the error of a cancelled wait.
#[track_caller]
fn fails<T: Send + 'static>(wait: impl FnOnce() -> io::Result<T> + Send + 'static) {
    match cancelled_in(wait) {
        Ok(Err(error)) => {
            let why = Cancelled::in_error(&error).unwrap_or_else(|| panic!("another: {error:?}"));
            assert_eq!(why.reason(), Reason::Requested);
            assert_ne!(error.kind(), io::ErrorKind::Interrupted, "std's loops retry that");
        }
        Ok(Ok(_)) => panic!("the wait has succeeded"),
        Err(payload) => panic!("the wait has unwound: {}", lif_tests::text_of(&*payload)),
    }
}

/// Expects that a cancelled wait unwinds, and runs destructors on the way.
#[track_caller]
fn unwinds(wait: impl FnOnce() + Send + 'static) {
    struct Seen(Arc<AtomicBool>);
    impl Drop for Seen {
        fn drop(&mut self) {
            self.0.store(std::thread::panicking(), Ordering::SeqCst);
        }
    }
    let seen = Arc::new(AtomicBool::new(false));
    let local = Seen(Arc::clone(&seen));
    let joined = cancelled_in(move || {
        let _local = local;
        wait();
    });
    let payload = joined.expect_err("the wait has returned");
    let why = payload.downcast::<Cancelled>().expect("the payload says so");
    assert_eq!(why.reason(), Reason::Requested);
    assert!(seen.load(Ordering::SeqCst), "destructors run while it unwinds");
}

#[test]
fn cancelled_in_a_read() {
    let _watch = watch();
    let (mut mine, _theirs) = pair();
    fails(move || mine.read(&mut [0; 8]));
    let (mut mine, _theirs) = pair();
    fails(move || mine.read_exact(&mut [0; 8]));
    let (mine, _theirs) = pair();
    fails(move || mine.peek(&mut [0; 8]));
    let (mut mine, _theirs) = UnixStream::pair().unwrap();
    fails(move || mine.read_vectored(&mut [IoSliceMut::new(&mut [0; 8])]));
}

#[test]
fn cancelled_in_a_read_with_a_timeout() {
    let _watch = watch();
    let (mut mine, _theirs) = pair();
    mine.set_read_timeout(Some(Duration::from_secs(3600))).unwrap();
    fails(move || mine.read(&mut [0; 8]));
}

#[test]
fn cancelled_in_a_blocked_write() {
    let _watch = watch();
    let (mut mine, _theirs) = pair();
    fill(&mine).unwrap();
    fails(move || mine.write(&[1; 1 << 20]));
    let (mut mine, _theirs) = pair();
    fill(&mine).unwrap();
    fails(move || mine.write_vectored(&[IoSlice::new(&[1; 1 << 20])]));
    let (mut mine, _theirs) = UnixStream::pair().unwrap();
    // More than any buffer holds: it blocks on the way.
    fails(move || mine.write_all(&[1; 8 << 20]));
}

#[test]
fn cancelled_in_an_accept() {
    let _watch = watch();
    let (tcp, _address) = listener();
    fails(move || tcp.accept());
    let path = std::env::temp_dir().join(format!("lif-tests-accept-{}", std::process::id()));
    let unix = UnixListener::bind(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    fails(move || unix.accept());
    let (tcp, _address) = listener();
    fails(move || tcp.incoming().next().unwrap());
}

/// A listener whose queue is full, with those who fill it: a further connect waits.
fn full_listener() -> (std::net::TcpListener, Vec<std::net::TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(0).unwrap();
    let listener = std::net::TcpListener::from(socket);
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    for _ in 0..16 {
        match std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            Ok(stream) => queued.push(stream),
            Err(_) => return (listener, queued),
        }
    }
    panic!("a queue of none takes {} connections", queued.len());
}

#[test]
fn cancelled_in_a_connect() {
    let _watch = watch();
    let (listener, _queued) = full_listener();
    let address = listener.local_addr().unwrap();
    fails(move || TcpStream::connect(address));
    fails(move || TcpStream::connect_timeout(&address, Duration::from_secs(3600)));
}

#[test]
fn connect_timeout_ends_a_connect_that_nobody_answers() {
    let _watch = watch();
    let (listener, _queued) = full_listener();
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_millis(20);
    let connect = move || {
        let before = Instant::now();
        let error = TcpStream::connect_timeout(&address, limit).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(before.elapsed() >= limit, "early");
    };
    runtime(1).run(connect);
    connect();
}

#[test]
fn cancelled_in_a_connect_to_a_full_unix_listener() {
    let _watch = watch();
    let path = std::env::temp_dir().join(format!("lif-tests-connect-{}", std::process::id()));
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    socket.listen(0).unwrap();
    let _queued = UnixStream::connect(&path).unwrap();
    let full = path.clone();
    fails(move || UnixStream::connect(&full));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn cancelled_in_a_datagram_receive_or_send() {
    let _watch = watch();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    fails(move || udp.recv_from(&mut [0; 8]));
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    fails(move || udp.peek_from(&mut [0; 8]));
    let (mine, _theirs) = UnixDatagram::pair().unwrap();
    fails(move || mine.recv(&mut [0; 8]));
    let (mine, _theirs) = UnixDatagram::pair().unwrap();
    fails(move || {
        loop {
            mine.send(&[1; 4096])?;
        }
        #[expect(unreachable_code, reason = "the type of what the wait would give")]
        Ok(())
    });
}

#[test]
fn cancelled_in_a_send_to_a_full_unix_socket_that_is_no_peer() {
    let _watch = watch();
    let path = std::env::temp_dir().join(format!("lif-tests-send-{}", std::process::id()));
    let _target = UnixDatagram::bind(&path).unwrap();
    let mine = UnixDatagram::unbound().unwrap();
    let full = path.clone();
    fails(move || {
        loop {
            mine.send_to(&[1; 4096], &full)?;
        }
        #[expect(unreachable_code, reason = "the type of what the wait would give")]
        Ok(())
    });
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn cancelled_in_await_io() {
    let _watch = watch();
    let (reader, _writer) = io::pipe().unwrap();
    fails(move || lif::await_io(&reader, Interest::READ, None));
    let (reader, _writer) = io::pipe().unwrap();
    let far = Instant::now() + Duration::from_secs(3600);
    fails(move || lif::await_io(&reader, Interest::READ, Some(far)));
}

#[test]
fn cancelled_in_a_sleep() {
    let _watch = watch();
    unwinds(|| lif::sleep(Duration::from_secs(3600)));
    unwinds(|| lif::sleep(Duration::MAX));
    unwinds(|| lif::sleep_until(Instant::now() + Duration::from_secs(3600)));
}

#[test]
fn cancelled_in_a_park() {
    let _watch = watch();
    unwinds(lif::park);
    unwinds(|| lif::park_timeout(Duration::from_secs(3600)));
}

#[test]
fn cancelled_in_a_join_detaches_the_joined() {
    let _watch = watch();
    let done = Arc::new(AtomicBool::new(false));
    let (go_on, seen) = (Arc::new(AtomicBool::new(false)), Arc::clone(&done));
    let other = runtime(1);
    let waited = Arc::clone(&go_on);
    let joined = other.go(move || {
        until(|| waited.load(Ordering::SeqCst));
        seen.store(true, Ordering::SeqCst);
    });
    unwinds(move || joined.join().unwrap());
    assert!(!done.load(Ordering::SeqCst));
    go_on.store(true, Ordering::SeqCst);
    other.wait_idle();
    assert!(done.load(Ordering::SeqCst));
    let parked = other.go(lif::park);
    let thread = parked.thread().clone();
    unwinds(move || drop(parked.join_timeout(Duration::from_secs(3600))));
    thread.unpark();
    other.wait_idle();
}

#[test]
fn a_blocking_job_is_not_interrupted_and_the_next_wait_is() {
    let _watch = watch();
    runtime(1).run(|| {
        let inside = Arc::new(AtomicBool::new(false));
        let go_on = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicBool::new(false));
        let flags = (Arc::clone(&inside), Arc::clone(&go_on), Arc::clone(&done));
        let works = lif::go(move || {
            let borrowed = lif::blocking(|| {
                flags.0.store(true, Ordering::SeqCst);
                until(|| flags.1.load(Ordering::SeqCst));
                flags.2.store(true, Ordering::SeqCst);
                7
            });
            assert_eq!(borrowed, 7);
            lif::park();
            unreachable!("a wait of a cancelled coroutine");
        });
        until(|| inside.load(Ordering::SeqCst));
        works.cancel();
        for _ in 0..20 {
            lif::yield_now();
        }
        assert!(!works.is_finished());
        go_on.store(true, Ordering::SeqCst);
        assert!(was_cancelled(works.join()));
        assert!(done.load(Ordering::SeqCst));
    });
}

#[test]
fn a_cancelled_coroutine_fails_in_every_later_operation() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, mut theirs) = pair();
        theirs.write_all(b"there is data").unwrap();
        let started = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&started);
        let reads = lif::go(move || {
            flag.store(true, Ordering::SeqCst);
            yield_until(|| failed_cancelled(&(&mine).read(&mut [0; 1])));
            for _ in 0..10 {
                assert!(failed_cancelled(&(&mine).read(&mut [0; 1])));
                assert!(failed_cancelled(&(&mine).write(&[0; 1])));
                assert!(failed_cancelled(&TcpListener::bind("127.0.0.1:0").unwrap().accept()));
                lif::yield_now();
            }
            // To spawn is no wait.
            lif::go(|| ());
            "to its end"
        });
        yield_until(|| started.load(Ordering::SeqCst));
        reads.cancel();
        assert_eq!(reads.join().unwrap(), "to its end");
    });
}

#[test]
fn cancelling_what_has_ended_changes_nothing() {
    let _watch = watch();
    runtime(1).run(|| {
        let child = lif::go(|| 3);
        yield_until(|| child.is_finished());
        child.cancel();
        child.cancel();
        assert_eq!(child.join().unwrap(), 3);
    });
}

#[test]
fn a_cancelled_coroutine_that_never_waits_returns_its_result() {
    let _watch = watch();
    runtime(2).run(|| {
        let cancelled = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&cancelled);
        let started = Arc::new(AtomicBool::new(false));
        let begun = Arc::clone(&started);
        let child = lif::go(move || {
            begun.store(true, Ordering::SeqCst);
            // Not a point of cancellation.
            yield_until(|| flag.load(Ordering::SeqCst));
            "whole"
        });
        yield_until(|| started.load(Ordering::SeqCst));
        child.cancel();
        cancelled.store(true, Ordering::SeqCst);
        assert_eq!(child.join().unwrap(), "whole");
    });
}

#[test]
fn a_cancelled_server_ends_its_connections_by_its_own_code() {
    let _watch = watch();
    runtime(2).run(|| {
        let (listener, address) = listener();
        let log = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&log);
        let server = lif::go(move || {
            let (mut stream, _peer) = listener.accept().unwrap();
            let error = lif_tests::net::echo(&mut stream).unwrap_err();
            assert!(Cancelled::in_error(&error).is_some());
            said.lock().unwrap().push("closed in good order");
        });
        let mut client = TcpStream::connect(address).unwrap();
        lif_tests::net::ask(&mut client, 1).unwrap();
        server.cancel();
        server.join().unwrap();
        assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
        assert_eq!(*log.lock().unwrap(), ["closed in good order"]);
    });
}
