//! The proxy as a program, between clients and targets on plain threads.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use lif_tests::example::{PATIENCE, Running, connect};

fn proxy(target: SocketAddr, more: &[&str]) -> (Running, SocketAddr) {
    let target = target.to_string();
    let running = Running::start("proxy", &[&["127.0.0.1:0", &target], more].concat());
    let line = running.line();
    let address = line.rsplit(' ').next().and_then(|word| word.parse().ok());
    (running, address.unwrap_or_else(|| panic!("no address in {line:?}")))
}

/// Hands out what it accepts, for as long as somebody asks.
fn target() -> (SocketAddr, mpsc::Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, accepted) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            if sender.send(stream).is_err() {
                break;
            }
        }
    });
    (address, accepted)
}

#[test]
fn proxy_passes_the_end_of_one_direction_on_and_keeps_the_other() {
    let (address, accepted) = target();
    let (_proxy, address) = proxy(address, &[]);
    for _ in 0..2 {
        let mut client = connect(address);
        let mut server = accepted.recv_timeout(PATIENCE).unwrap();
        let question: Vec<u8> = (0..1 << 20).map(|i| (i * 7 % 251) as u8).collect();
        thread::scope(|scope| {
            scope.spawn(|| {
                // Everything up to the end, and only then the answer.
                let mut all = Vec::new();
                server.read_to_end(&mut all).unwrap();
                all.reverse();
                server.write_all(&all).unwrap();
                server.shutdown(Shutdown::Write).unwrap();
            });
            client.write_all(&question).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            answer.reverse();
            assert!(answer == question, "{} bytes came back", answer.len());
        });
    }
}

#[test]
fn proxy_lets_clients_over_the_limit_wait_for_their_turn() {
    let (address, accepted) = target();
    let (_proxy, address) = proxy(address, &["1"]);
    let mut first = connect(address);
    let mut second = connect(address);
    second.write_all(b"second").unwrap();
    first.write_all(b"first").unwrap();
    let mut server = accepted.recv_timeout(PATIENCE).unwrap();
    let mut got = [0; 5];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"first");
    assert!(accepted.recv_timeout(Duration::from_millis(100)).is_err(), "one at a time");
    drop((first, server));
    let mut server = accepted.recv_timeout(PATIENCE).unwrap();
    let mut got = [0; 6];
    server.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"second");
}

#[test]
fn proxy_hangs_up_when_the_target_refuses_and_serves_the_next_one() {
    let (address, accepted) = target();
    // Free in all likelihood: it has been just now.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_lame, lame) = proxy(closed, &[]);
    for _ in 0..3 {
        // An end, or a reset: the first is what the client sees if it has sent nothing.
        assert_eq!(connect(lame).read(&mut [0; 8]).unwrap(), 0);
    }
    let (_proxy, address) = proxy(address, &[]);
    let mut client = connect(address);
    let server = accepted.recv_timeout(PATIENCE).unwrap();
    // Unread data makes the close a reset; the proxy then gives up the other direction too.
    client.write_all(b"nobody reads this").unwrap();
    server.peek(&mut [0; 1]).unwrap();
    drop(server);
    client.read_to_end(&mut Vec::new()).ok();
    connect(address).write_all(b"x").unwrap();
    let mut server = accepted.recv_timeout(PATIENCE).unwrap();
    server.read_exact(&mut [0; 1]).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn proxy_gives_up_a_target_that_does_not_answer() {
    use socket2::{Domain, Socket, Type};

    // A listener whose queue is full: the kernel drops what comes.
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let fill: Vec<Socket> = (0..8)
        .map(|_| {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            let _in_progress = socket.connect(&address);
            socket
        })
        .collect();
    let (_proxy, address) = proxy(address.as_socket().unwrap(), &["10", "0.2"]);
    assert_eq!(connect(address).read(&mut [0; 8]).unwrap(), 0);
    drop((fill, listener));
}
