//! One socket and several coroutines: readers side by side, a reader and a writer, clones, and
//! `shutdown` or `close` while others wait.

use std::{
    io::{ErrorKind, Read, Write},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use lif::net::{Closed, Shutdown, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};
use lif_tests::{
    net::{fill, listener, pair},
    runtime, until, watch, yield_until,
};

/// Starts coroutines, and returns when each of them is parked, if there is one worker.
fn parked<T: Send + 'static>(
    count: usize,
    f: impl Fn() -> T + Send + Sync + 'static,
) -> Vec<lif::JoinHandle<T>> {
    let (f, started) = (Arc::new(f), Arc::new(AtomicUsize::new(0)));
    let children: Vec<_> = (0..count)
        .map(|_| {
            let (f, started) = (Arc::clone(&f), Arc::clone(&started));
            lif::go(move || {
                started.fetch_add(1, Ordering::SeqCst);
                f()
            })
        })
        .collect();
    yield_until(|| started.load(Ordering::SeqCst) == count);
    lif::yield_now();
    children
}

#[test]
fn readers_of_one_socket_get_each_byte_once() {
    const TOTAL: usize = 20_000;
    for workers in [1, 4] {
        let watchdog = watch();
        let runtime = runtime(workers);
        watchdog.about(&runtime);
        let (mine, mut theirs) = UnixStream::pair().unwrap();
        let mine = Arc::new(mine);
        let counts = Arc::new(Mutex::new(vec![0_usize; 256]));
        let readers: Vec<_> = (0..5)
            .map(|_| {
                let (mine, counts) = (Arc::clone(&mine), Arc::clone(&counts));
                runtime.go(move || {
                    let mut buffer = [0; 7];
                    loop {
                        match (&*mine).read(&mut buffer).unwrap() {
                            0 => return,
                            n => {
                                let mut counts = counts.lock().unwrap();
                                for &byte in &buffer[..n] {
                                    counts[usize::from(byte)] += 1;
                                }
                            }
                        }
                    }
                })
            })
            .collect();
        runtime.run(move || {
            for i in 0..TOTAL {
                theirs.write_all(&[(i % 200) as u8]).unwrap();
                if i % 16 == 0 {
                    lif::yield_now();
                }
            }
        });
        // All of them see the end.
        for reader in readers {
            reader.join().unwrap();
        }
        assert!(counts.lock().unwrap()[..200].iter().all(|&count| count == TOTAL / 200));
    }
}

#[test]
fn a_reader_and_a_writer_share_a_socket() {
    const TOTAL: usize = 8 << 20;
    let watchdog = watch();
    for workers in [1, 4] {
        let runtime = runtime(workers);
        watchdog.about(&runtime);
        let (mine, mut theirs) = pair();
        let mine = Arc::new(mine);
        let echoes = runtime.go(move || lif_tests::net::echo(&mut theirs));
        let writer = Arc::clone(&mine);
        let writes = runtime.go(move || {
            let block: Vec<u8> = (0..TOTAL).map(|i| (i % 253) as u8).collect();
            (&*writer).write_all(&block).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let reads = runtime.go(move || {
            let mut all = Vec::new();
            (&*mine).read_to_end(&mut all).unwrap();
            assert_eq!(all.len(), TOTAL);
            assert!(all.iter().enumerate().all(|(i, &byte)| byte == (i % 253) as u8));
        });
        writes.join().unwrap();
        reads.join().unwrap();
        echoes.join().unwrap().unwrap();
    }
}

#[test]
fn clones_in_two_coroutines_share_one_stream() {
    let _watch = watch();
    runtime(2).run(|| {
        let (mine, mut theirs) = pair();
        let mut clone = mine.try_clone().unwrap();
        let writer = lif::go(move || {
            for i in 0..1_000_u32 {
                clone.write_all(&i.to_le_bytes()).unwrap();
            }
            clone.shutdown(Shutdown::Write).unwrap();
        });
        let echoes = lif::go(move || lif_tests::net::echo(&mut theirs));
        let mut mine = mine;
        for i in 0..1_000_u32 {
            let mut got = [0; 4];
            mine.read_exact(&mut got).unwrap();
            assert_eq!(u32::from_le_bytes(got), i);
        }
        assert_eq!(mine.read(&mut [0; 1]).unwrap(), 0);
        writer.join().unwrap();
        echoes.join().unwrap().unwrap();
    });
}

#[test]
fn readers_of_two_clones_are_both_woken_by_the_end() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, theirs) = pair();
        let (mine, clone) = (Arc::new(mine.try_clone().unwrap()), Arc::new(mine));
        let first = parked(2, move || (&*mine).read(&mut [0; 1]).unwrap());
        let second = parked(2, move || (&*clone).read(&mut [0; 1]).unwrap());
        drop(theirs);
        for reader in first.into_iter().chain(second) {
            assert_eq!(reader.join().unwrap(), 0);
        }
    });
}

#[test]
fn shutdown_wakes_readers_and_writers_that_wait() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, _theirs) = pair();
        fill(&mine).unwrap();
        let mine = Arc::new(mine);
        let (reads, writes) = (Arc::clone(&mine), Arc::clone(&mine));
        let readers = parked(3, move || (&*reads).read(&mut [0; 1]).unwrap());
        let writers = parked(3, move || (&*writes).write_all(&[0; 1 << 20]).unwrap_err().kind());
        assert!(readers.iter().all(|reader| !reader.is_finished()));
        mine.shutdown(Shutdown::Both).unwrap();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), 0);
        }
        for writer in writers {
            assert_eq!(writer.join().unwrap(), ErrorKind::BrokenPipe);
        }
    });
}

#[test]
fn shutdown_from_a_thread_wakes_coroutines_and_threads() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    for _ in 0..30 {
        let (mine, _theirs) = pair();
        let mine = Arc::new(mine);
        let read = |mine: &Arc<TcpStream>| {
            let mine = Arc::clone(mine);
            move || (&*mine).read(&mut [0; 1]).unwrap()
        };
        let coroutine = runtime.go(read(&mine));
        let thread = std::thread::spawn(read(&mine));
        mine.shutdown(Shutdown::Read).unwrap();
        assert_eq!(coroutine.join().unwrap(), 0);
        assert_eq!(thread.join().unwrap(), 0);
    }
}

/// Expects the error of a socket that was closed.
#[track_caller]
fn closed<T>(done: std::io::Result<T>) {
    let error = done.err().expect("the socket is closed");
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert!(error.get_ref().is_some_and(|inner| inner.is::<Closed>()), "{error:?}");
}

#[test]
fn close_wakes_all_acceptors() {
    let _watch = watch();
    runtime(1).run(|| {
        let (listener, _address) = listener();
        let listener = Arc::new(listener);
        let accepts = Arc::clone(&listener);
        let acceptors = parked(3, move || accepts.accept());
        listener.close();
        for acceptor in acceptors {
            closed(acceptor.join().unwrap());
        }
        closed(listener.accept());
        let name = format!("lif-tests-close-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let listener = Arc::new(UnixListener::bind(&path).unwrap());
        std::fs::remove_file(&path).unwrap();
        let accepts = Arc::clone(&listener);
        let acceptors = parked(3, move || accepts.accept());
        listener.close();
        for acceptor in acceptors {
            closed(acceptor.join().unwrap());
        }
    });
}

#[test]
fn close_wakes_receivers_of_datagrams_in_coroutines_and_on_threads() {
    let _watch = watch();
    let runtime = runtime(1);
    for _ in 0..30 {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
        let (there, here) = (Arc::clone(&socket), Arc::clone(&socket));
        let coroutine = runtime.go(move || there.recv(&mut [0; 8]));
        let thread = std::thread::spawn(move || here.recv_from(&mut [0; 8]));
        socket.close();
        closed(coroutine.join().unwrap());
        closed(thread.join().unwrap());
    }
    let (mine, _theirs) = UnixDatagram::pair().unwrap();
    let mine = Arc::new(mine);
    let there = Arc::clone(&mine);
    let coroutine = runtime.go(move || there.recv(&mut [0; 8]));
    until(|| runtime.metrics().residents == [1]);
    mine.close();
    closed(coroutine.join().unwrap());
}

#[test]
fn acceptors_side_by_side_take_each_connection_once() {
    const CLIENTS: usize = 200;
    let watchdog = watch();
    let runtime = runtime(3);
    watchdog.about(&runtime);
    let (listener, address) = listener();
    let listener = Arc::new(listener);
    let peers = Arc::new(Mutex::new(Vec::<SocketAddr>::new()));
    let acceptors: Vec<_> = (0..4)
        .map(|_| {
            let (listener, peers) = (Arc::clone(&listener), Arc::clone(&peers));
            runtime.go(move || {
                while let Ok((_stream, peer)) = listener.accept() {
                    peers.lock().unwrap().push(peer);
                }
            })
        })
        .collect();
    runtime.run(|| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                lif::go(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
                    stream.local_addr().unwrap()
                })
            })
            .collect();
        let mut asked: Vec<_> = clients.into_iter().map(|one| one.join().unwrap()).collect();
        listener.close();
        let mut peers = std::mem::take(&mut *peers.lock().unwrap());
        peers.sort_unstable();
        asked.sort_unstable();
        assert_eq!(peers, asked);
    });
    for acceptor in acceptors {
        acceptor.join().unwrap();
    }
}
