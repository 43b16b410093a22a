//! Sockets for tests: pairs on the loopback, an echo server, a full pipe.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
};

use lif::net::{TcpListener, TcpStream};

/// Two ends of one TCP connection.
///
/// # Panics
///
/// If the loopback does not work.
#[must_use]
pub fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listener();
    let client = TcpStream::connect(address).expect("the loopback connects");
    let (server, _peer) = listener.accept().expect("a connection is there");
    (client, server)
}

/// A listener on the loopback, and its address.
///
/// # Panics
///
/// If there is no port.
#[must_use]
pub fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a port");
    let address = listener.local_addr().expect("a listener has an address");
    (listener, address)
}

/// Sends back what comes, until the other side ends it.
///
/// # Errors
///
/// Those of the socket.
pub fn echo(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// Sends a number, and expects it back.
///
/// # Errors
///
/// Those of the socket.
///
/// # Panics
///
/// If another number comes.
pub fn ask(stream: &mut (impl Read + Write), number: u64) -> io::Result<()> {
    stream.write_all(&number.to_le_bytes())?;
    let mut got = [0; 8];
    stream.read_exact(&mut got)?;
    assert_eq!(u64::from_le_bytes(got), number, "another answer than the question");
    Ok(())
}

/// Fills the socket until a write would have to wait; returns how many bytes that took.
///
/// # Errors
///
/// Those of the socket.
pub fn fill(stream: &TcpStream) -> io::Result<usize> {
    let block = [0x55; 16 * 1024];
    let mut filled = 0;
    stream.set_nonblocking(true)?;
    let full = loop {
        match (&*stream).write(&block) {
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Ok(filled),
            Err(error) => break Err(error),
        }
    };
    stream.set_nonblocking(false)?;
    full
}
