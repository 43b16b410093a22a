//! The shortest programs: one coroutine, ten echo clients.

use std::{
    io::{Read, Write},
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use lif::net::{TcpListener, TcpStream};

#[test]
fn one_coroutine_runs_and_the_runtime_ends_by_itself() {
    let mut ran = false;
    lif::run(|| ran = true);
    assert!(ran);
}

#[test]
fn ten_clients_get_ten_echoes() {
    let verified = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&verified);
    lif::run(move || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = lif::go(move || {
            for stream in listener.incoming().take(10) {
                let mut stream = stream.unwrap();
                lif::go(move || {
                    let mut buffer = [0; 1024];
                    while let Ok(n @ 1..) = stream.read(&mut buffer) {
                        stream.write_all(&buffer[..n]).unwrap();
                    }
                });
            }
        });
        let clients: Vec<_> = (0..10u8)
            .map(|i| {
                let count = Arc::clone(&count);
                lif::go(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    let sent = [i; 64];
                    stream.write_all(&sent).unwrap();
                    let mut got = [0; 64];
                    stream.read_exact(&mut got).unwrap();
                    assert_eq!(sent, got);
                    count.fetch_add(1, Ordering::Relaxed);
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        server.join().unwrap();
    });
    assert_eq!(verified.load(Ordering::Relaxed), 10);
}

#[test]
fn sleep_is_never_early() {
    lif::run(|| {
        let start = Instant::now();
        lif::sleep(Duration::from_millis(3));
        assert!(start.elapsed() >= Duration::from_millis(3));
    });
}
