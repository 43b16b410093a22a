//! Many clients and their server in one process. Ten thousand, each side in processes of its own,
//! are the load programs' part.

use std::{
    io::{Read, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use lif::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use lif_tests::{alone, net::echo, runtime, until};

const CLIENTS: usize = 2_000;
const MESSAGES: usize = 10;
const SIZE: usize = 64;

/// What client `client` sends as its message `message`.
fn text(client: usize, message: usize) -> [u8; SIZE] {
    let mut text = [0; SIZE];
    for (i, byte) in text.iter_mut().enumerate() {
        *byte = (client * 7 + message * 31 + i * 13) as u8;
    }
    text[..8].copy_from_slice(&(client as u64).to_le_bytes());
    text[8..16].copy_from_slice(&(message as u64).to_le_bytes());
    text
}

/// Sends all messages, and counts those that come back right, in order. All clients are connected
/// before the first sends.
fn client(
    number: usize,
    stream: &mut (impl Read + Write),
    connected: &AtomicUsize,
    verified: &AtomicUsize,
) {
    connected.fetch_add(1, Ordering::SeqCst);
    until(|| connected.load(Ordering::SeqCst) == CLIENTS);
    for message in 0..MESSAGES {
        let sent = text(number, message);
        stream.write_all(&sent).unwrap();
        let mut got = [0; SIZE];
        stream.read_exact(&mut got).unwrap();
        assert!(got == sent, "client {number}, message {message}");
        verified.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn two_thousand_clients_get_all_their_echoes() {
    alone(|| {
        let runtime = runtime(4);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = runtime.go(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                drop(lif::go(move || echo(&mut stream).unwrap()));
            }
        });
        let (connected, verified) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (connected, verified) = (Arc::clone(&connected), Arc::clone(&verified));
                runtime.go(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    client(number, &mut stream, &connected, &verified);
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        assert_eq!(verified.load(Ordering::SeqCst), CLIENTS * MESSAGES);
        server.cancel();
        server.join().unwrap();
        runtime.wait_idle();
        let metrics = runtime.metrics();
        assert_eq!(metrics.spawned, metrics.finished);
    })
    .passed();
}

#[test]
fn two_thousand_unix_clients_of_another_runtime_get_all_their_echoes() {
    alone(|| {
        let (serving, asking) = (runtime(2), runtime(2));
        let path = std::env::temp_dir().join(format!("lif-tests-stress-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        let server = serving.go(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                drop(lif::go(move || echo(&mut stream).unwrap()));
            }
        });
        let (connected, verified) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (connected, verified) = (Arc::clone(&connected), Arc::clone(&verified));
                let path = path.clone();
                asking.go(move || {
                    let mut stream = UnixStream::connect(path).unwrap();
                    client(number, &mut stream, &connected, &verified);
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(verified.load(Ordering::SeqCst), CLIENTS * MESSAGES);
        server.cancel();
        server.join().unwrap();
        serving.wait_idle();
    })
    .passed();
}
