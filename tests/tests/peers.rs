//! Peers that misbehave: who refuses, resets, goes away in the middle, or closes one half.

use std::{
    io::{self, ErrorKind, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lif::net::{Shutdown, TcpListener, TcpStream, UdpSocket, UnixStream};
use lif_tests::{
    net::{fill, listener, pair},
    runtime, watch, yield_until,
};

/// Runs the same code in a coroutine and on this thread.
fn in_both(test: impl Fn() + Send + Sync) {
    runtime(1).run(&test);
    test();
}

/// Starts a coroutine on the only worker, and returns when it is parked, or has ended.
fn parked<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> lif::JoinHandle<T> {
    let started = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&started);
    let child = lif::go(move || {
        flag.store(true, Ordering::SeqCst);
        f()
    });
    yield_until(|| started.load(Ordering::SeqCst));
    lif::yield_now();
    child
}

#[test]
fn a_connection_to_nobody_is_refused() {
    let _watch = watch();
    in_both(|| {
        let (listener, address) = listener();
        drop(listener);
        let error = TcpStream::connect(address).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let limit = Duration::from_secs(30);
        let error = TcpStream::connect_timeout(&address, limit).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = UnixStream::connect("/nonexistent/lif").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

#[test]
fn the_first_address_that_answers_is_taken() {
    let _watch = watch();
    in_both(|| {
        let (dead, nobody) = listener();
        drop(dead);
        let (_listener, address) = listener();
        let stream = TcpStream::connect(&[nobody, address][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
    });
}

#[test]
fn a_reset_wakes_the_reader_with_its_error() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, theirs) = pair();
        let reader = parked(move || (&mine).read(&mut [0; 8]));
        theirs.set_linger(Some(Duration::ZERO)).unwrap();
        drop(theirs);
        assert_eq!(reader.join().unwrap().unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn a_reset_wakes_the_writer_with_its_error() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, theirs) = pair();
        fill(&mine).unwrap();
        let writer = parked(move || mine.write_all(&[1; 1 << 20]));
        assert!(!writer.is_finished());
        theirs.set_linger(Some(Duration::ZERO)).unwrap();
        drop(theirs);
        let kind = writer.join().unwrap().unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind:?}");
    });
}

#[test]
fn a_reset_stays_an_error_or_the_end_and_never_a_wait() {
    let _watch = watch();
    in_both(|| {
        let (mut mine, theirs) = pair();
        theirs.set_linger(Some(Duration::ZERO)).unwrap();
        drop(theirs);
        let first = mine.read(&mut [0; 8]).unwrap_err();
        assert_eq!(first.kind(), ErrorKind::ConnectionReset);
        for _ in 0..3 {
            assert_eq!(mine.read(&mut [0; 8]).unwrap(), 0);
            assert_eq!(mine.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn a_peer_that_goes_in_the_middle_of_a_write_fails_it() {
    let _watch = watch();
    runtime(1).run(|| {
        for resets in [false, true] {
            let (mut mine, mut theirs) = pair();
            let writer = parked(move || mine.write_all(&vec![1; 32 << 20]));
            theirs.read_exact(&mut vec![0; 1 << 20]).unwrap();
            if resets {
                theirs.set_linger(Some(Duration::ZERO)).unwrap();
            }
            // What it has not read makes a reset of its close as well.
            drop(theirs);
            let kind = writer.join().unwrap().unwrap_err().kind();
            assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind:?}");
        }
        let (mut mine, mut theirs) = UnixStream::pair().unwrap();
        let writer = parked(move || mine.write_all(&vec![1; 32 << 20]));
        theirs.read_exact(&mut vec![0; 1 << 16]).unwrap();
        drop(theirs);
        let kind = writer.join().unwrap().unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{kind:?}");
    });
}

#[test]
fn a_half_closed_connection_still_carries_the_other_half() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, mut theirs) = pair();
        let answers = parked(move || {
            let mut question = String::new();
            theirs.read_to_string(&mut question)?;
            for _ in 0..100 {
                theirs.write_all(question.as_bytes())?;
                lif::yield_now();
            }
            io::Result::Ok(())
        });
        mine.write_all(b"half").unwrap();
        mine.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        mine.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "half".repeat(100));
        answers.join().unwrap().unwrap();
        assert_eq!(mine.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn the_end_comes_after_all_that_was_sent() {
    let _watch = watch();
    in_both(|| {
        let (mut mine, mut theirs) = pair();
        let sent: Vec<u8> = (0..100_000_u32).map(|i| i as u8).collect();
        let copy = sent.clone();
        let writer = std::thread::spawn(move || theirs.write_all(&copy).unwrap());
        let mut got = Vec::new();
        mine.read_to_end(&mut got).unwrap();
        writer.join().unwrap();
        assert!(got == sent);
        // And again, for whoever asks.
        assert_eq!(mine.read(&mut [0; 1]).unwrap(), 0);
    });
}

#[test]
fn a_connection_that_was_reset_before_accept_does_not_stop_the_server() {
    let _watch = watch();
    runtime(1).run(|| {
        let (listener, address) = listener();
        for _ in 0..10 {
            let gone = TcpStream::connect(address).unwrap();
            gone.set_linger(Some(Duration::ZERO)).unwrap();
            drop(gone);
        }
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"here").unwrap();
        for stream in listener.incoming() {
            let mut got = [0; 4];
            if stream.and_then(|mut stream| stream.read_exact(&mut got)).is_ok() {
                assert_eq!(&got, b"here");
                return;
            }
        }
    });
}

#[test]
fn a_datagram_to_nobody_is_refused_once() {
    let _watch = watch();
    runtime(1).run(|| {
        let nobody = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = nobody.local_addr().unwrap();
        drop(nobody);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(address).unwrap();
        let socket = Arc::new(socket);
        let receiver = Arc::clone(&socket);
        let receives = parked(move || receiver.recv(&mut [0; 8]));
        socket.send(b"anybody?").unwrap();
        let error = receives.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn an_address_in_use_is_an_error() {
    let _watch = watch();
    in_both(|| {
        let (_listener, address) = listener();
        assert_eq!(TcpListener::bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
    });
}
