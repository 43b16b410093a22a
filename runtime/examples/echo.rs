//! An echo server: `cargo run --release --example echo [ADDRESS]`, then `nc 127.0.0.1 7777`.

use std::{
    env,
    io::{self, Read, Write},
};

use lif::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7777".into());
    lif::run(|| {
        let listener = TcpListener::bind(address.as_str())?;
        println!("echoing on {}", listener.local_addr()?);
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => drop(lif::go(move || echo(stream))),
                // Out of descriptors, say: the connection waits in the kernel until there are some.
                Err(error) => {
                    eprintln!("accept: {error}");
                    lif::sleep(std::time::Duration::from_millis(100));
                }
            }
        }
        Ok(())
    })
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}
