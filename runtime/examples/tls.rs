//! An echo server over TLS: `cargo run --release --example tls [ADDRESS [CERTIFICATE]]`, then
//! `openssl s_client -connect 127.0.0.1:7443`, or with `-CAfile CERTIFICATE` to check who it is.
//!
//! `rustls` knows nothing of coroutines: it reads and writes through `Read` and `Write`, which here
//! park. `StreamOwned` over a `lif::net::TcpStream` is a stream like any other. The server makes
//! itself a certificate for `localhost`, and writes it to the file CERTIFICATE in PEM form.

use std::{
    env, fs,
    io::{self, Read, Write},
    sync::Arc,
    time::Duration,
};

use lif::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::ring, pki_types::PrivateKeyDer};

/// How long the handshake may take, however many messages it has.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a client may be silent, or take nothing.
const IDLE: Duration = Duration::from_secs(300);

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7443".into());
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])
        .map_err(io::Error::other)?;
    if let Some(path) = env::args().nth(2) {
        // Before there are coroutines: a file blocks its thread.
        fs::write(path, own.cert.pem())?;
    }
    let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).map_err(io::Error::other)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![own.cert.der().clone()], key)
        });
    let config = Arc::new(config.map_err(io::Error::other)?);
    lif::run(|| {
        let listener = TcpListener::bind(address.as_str())?;
        println!("echoing over TLS on {}", listener.local_addr()?);
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    let config = Arc::clone(&config);
                    lif::go(move || {
                        if let Err(error) = serve(stream, config) {
                            eprintln!("{peer}: {error}");
                        }
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

/// Serves one connection until its client closes it.
fn serve(mut stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_write_timeout(Some(IDLE))?;
    let mut session = ServerConnection::new(config).map_err(io::Error::other)?;
    // One deadline over the whole exchange: a client that sends a byte now and then gets no more.
    timeout(HANDSHAKE, || {
        while session.is_handshaking() {
            session.complete_io(&mut stream)?;
        }
        Ok::<_, io::Error>(())
    })??;
    let mut tls = StreamOwned::new(session, stream);
    // On this coroutine's own stack, as the frames of rustls are: 256 KiB is plenty for them.
    let mut buffer = [0; 4096];
    loop {
        // 0 comes only if the client has said that it closes; a connection that is cut is an error.
        match tls.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => tls.write_all(&buffer[..n])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    tls.conn.send_close_notify();
    tls.flush()
}
