//! The WebSocket server as a program, and clients on plain threads over the library's own stream.

use std::{
    io::{Read, Write},
    net::SocketAddr,
    thread,
};

use lif::net::TcpStream;
use lif_tests::example::{PATIENCE, Running, connect};
use tungstenite::{Error, Message, WebSocket};

fn client(address: SocketAddr) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let (socket, _response) = tungstenite::client(format!("ws://{address}/"), stream).unwrap();
    socket
}

#[test]
fn websocket_gives_back_texts_and_bytes_and_answers_pings() {
    let (_server, address) = Running::server("websocket", &[]);
    thread::scope(|scope| {
        for number in 0..4 {
            scope.spawn(move || {
                let mut socket = client(address);
                for round in 0..50 {
                    let text = Message::text(format!("{number} {round} ").repeat(round * 20));
                    socket.send(text.clone()).unwrap();
                    assert_eq!(socket.read().unwrap(), text);
                    let bytes = Message::binary(vec![round as u8; round * 1000]);
                    socket.send(bytes.clone()).unwrap();
                    assert_eq!(socket.read().unwrap(), bytes);
                }
                socket.send(Message::Ping(vec![1, 2].into())).unwrap();
                assert_eq!(socket.read().unwrap(), Message::Pong(vec![1, 2].into()));
                socket.close(None).unwrap();
                assert!(matches!(socket.read().unwrap(), Message::Close(_)));
                assert!(matches!(socket.read(), Err(Error::ConnectionClosed)));
            });
        }
    });
}

#[test]
fn websocket_refuses_who_does_not_shake_hands_and_a_message_that_is_too_long() {
    let (_server, address) = Running::server("websocket", &[]);
    let mut plain = connect(address);
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    // Closed; what it says before, if anything, is no agreement.
    plain.read_to_end(&mut answer).unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains(" 101 "));
    let mut socket = client(address);
    // It stops reading in the middle, so this may fail already.
    let sent = socket.send(Message::binary(vec![0; 5 << 20]));
    if sent.is_ok() {
        while socket.read().is_ok_and(|message| message.is_close()) {}
    }
    let mut other = client(address);
    other.send(Message::text("still served")).unwrap();
    assert_eq!(other.read().unwrap(), Message::text("still served"));
}
