//! A WebSocket echo: `cargo run --release --example websocket [ADDRESS]`, then in a browser's console
//! `w = new WebSocket("ws://127.0.0.1:7780"); w.onmessage = m => console.log(m.data)` and
//! `w.send("hello")`.
//!
//! `tungstenite` is written for blocking streams, and a `lif::net::TcpStream` is one: nothing here
//! knows that a coroutine and not a thread waits. What no client may do is take time or memory
//! without bound: the handshake has a deadline, messages have a longest size, and a silent client is
//! asked with a ping whether it is still there.

use std::{
    env,
    io::{self, ErrorKind},
    time::Duration,
};

use lif::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tungstenite::{
    Error, HandshakeError, Message, WebSocket, accept_with_config, protocol::WebSocketConfig,
};

const HANDSHAKE: Duration = Duration::from_secs(10);
/// After so long a silence the client is asked; after another, it is gone.
const SILENCE: Duration = Duration::from_secs(60);
const LONGEST_MESSAGE: usize = 4 * 1024 * 1024;

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7780".into());
    lif::run(|| {
        let listener = TcpListener::bind(address.as_str())?;
        println!("serving ws://{}/", listener.local_addr()?);
        loop {
            match listener.accept() {
                Ok((stream, peer)) => drop(lif::go(move || {
                    if let Err(error) = serve(stream) {
                        eprintln!("{peer}: {error}");
                    }
                })),
                Err(error) => {
                    eprintln!("accept: {error}");
                    lif::sleep(Duration::from_millis(100));
                }
            }
        }
    })
}

/// Serves one client, from the handshake to the close.
fn serve(stream: TcpStream) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE));
    let shaken = timeout(HANDSHAKE, || {
        accept_with_config(stream, Some(limits)).map_err(|error| match error {
            HandshakeError::Failure(error) => error,
            // A read timed out: SILENCE is over.
            HandshakeError::Interrupted(_) => io::Error::from(ErrorKind::TimedOut).into(),
        })
    });
    let mut socket = shaken.map_err(io::Error::from)??;
    match echo(&mut socket) {
        // The client said that it closes, and was answered.
        Err(Error::ConnectionClosed) => Ok(()),
        Err(error @ Error::Capacity(_)) => {
            // Told why, if it listens.
            let frame = tungstenite::protocol::CloseFrame {
                code: tungstenite::protocol::frame::coding::CloseCode::Size,
                reason: "the message is too long".into(),
            };
            socket.close(Some(frame))?;
            Err(error)
        }
        other => other,
    }
}

fn echo(socket: &mut WebSocket<TcpStream>) -> Result<(), Error> {
    let mut asked = false;
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => socket.send(message)?,
            // Pings and closes are answered by the library; a pong is as good as a word.
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock && !asked => {
                socket.send(Message::Ping(Default::default()))?;
                asked = true;
                continue;
            }
            Err(error) => return Err(error),
        }
        asked = false;
    }
}
