//! An echo server: `cargo run --release --example echo [ADDRESS]`, then `nc 127.0.0.1 7777`.
//!
//! Shows the shape of every server: one coroutine accepts, each connection has a coroutine of its
//! own, and none of the code looks as if it waited for anything but its own connection.

use std::{
    env,
    io::{self, Read, Write},
    time::Duration,
};

use lif::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".into());
    lif::run(|| {
        let listener = TcpListener::bind(address.as_str())?;
        println!("echoing on {}", listener.local_addr()?);
        for stream in listener.incoming() {
            match stream {
                // The handle is dropped: the coroutine runs on by itself.
                Ok(stream) => drop(lif::go(move || echo(stream))),
                // Out of descriptors, say: the connection waits in the kernel until there are some.
                Err(error) => {
                    eprintln!("accept: {error}");
                    lif::sleep(Duration::from_millis(100));
                }
            }
        }
        Ok(())
    })
}

/// Serves one connection until its client closes it.
fn echo(mut stream: TcpStream) -> io::Result<()> {
    // On this coroutine's own stack. A read that does not fill it tells that the kernel has no
    // more, so the next one parks without asking the kernel again.
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}
