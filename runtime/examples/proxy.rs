//! A TCP proxy: `cargo run --release --example proxy [ADDRESS [TARGET [CONNECTIONS [SECONDS]]]]`.
//!
//! Each connection is two copies in a `lif::scope`: they borrow both sockets, and an error in one
//! direction cancels the other. The end of one direction is passed on by itself, since a client
//! that has sent its last byte may still wait for the answer. Connecting to TARGET, the lookup of
//! its name included, may take SECONDS; of more than CONNECTIONS clients the rest wait in the
//! kernel's queue, where they cost nothing.

use std::{
    env,
    io::{self, Read, Write},
    panic::resume_unwind,
    sync::Arc,
    time::Duration,
};

use lif::{
    Cancelled,
    net::{Shutdown, TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};

/// How long one side may take nothing of what the other sends.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

fn main() -> io::Result<()> {
    let mut args = env::args().skip(1);
    let address = args.next().unwrap_or_else(|| "127.0.0.1:7779".into());
    let target = Arc::<str>::from(args.next().unwrap_or_else(|| "127.0.0.1:7777".into()));
    let connections = args.next().map_or(Ok(1000), |word| word.parse());
    let connections = connections.map_err(|_| invalid("CONNECTIONS must be a number"))?;
    let seconds = args.next().map_or(Ok(5.0), |word| word.parse());
    let patience = seconds.ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let patience = patience.ok_or_else(|| invalid("SECONDS must be a number"))?;
    lif::run(|| {
        let listener = TcpListener::bind(address.as_str())?;
        println!("proxy for {target} on {}", listener.local_addr()?);
        let permits = Arc::new(Semaphore::new(connections));
        loop {
            // First the permit, then the client: nobody is accepted who cannot be served.
            let permit = Arc::clone(&permits).acquire_owned();
            match listener.accept() {
                Ok((client, peer)) => {
                    let target = Arc::clone(&target);
                    lif::go(move || {
                        if let Err(error) = serve(&client, &target, patience) {
                            eprintln!("{peer}: {error}");
                        }
                        drop((client, permit));
                    });
                }
                Err(error) => {
                    eprintln!("accept: {error}");
                    lif::sleep(Duration::from_millis(100));
                }
            }
        }
    })
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Serves one client until both directions have ended, or one of them has failed.
fn serve(client: &TcpStream, target: &str, patience: Duration) -> io::Result<()> {
    // One deadline over all addresses that the name may have.
    let server = &timeout(patience, || TcpStream::connect(target))??;
    for stream in [client, server] {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    }
    let ended = lif::scope(|s| {
        let up = s.try_spawn(|| copy(client, server));
        let down = s.try_spawn(|| copy(server, client));
        [up, down].map(|half| half.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    // A direction that was cancelled has nothing to tell: the other one has.
    let told = |error: &io::Error| Cancelled::in_error(error).is_none();
    ended.into_iter().filter_map(Result::err).find(told).map_or(Ok(()), Err)
}

/// Copies what comes, and in the end the end.
fn copy(mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
    let mut buffer = [0; 8 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => to.write_all(&buffer[..n])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    match to.shutdown(Shutdown::Write) {
        // It has gone in the meantime, and with it whoever might want to know.
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}
