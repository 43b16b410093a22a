//! The TLS server as a program, and clients on plain threads over the library's own stream.

use std::{
    env, fs,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr},
    path::PathBuf,
    process::{self, Command, Stdio},
    sync::Arc,
    thread,
};

use lif::net::TcpStream;
use lif_tests::example::{PATIENCE, Running, connect};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};

struct Server {
    _running: Running,
    address: SocketAddr,
    certificate: PathBuf,
}

impl Server {
    fn start(name: &str) -> Server {
        let certificate = env::temp_dir().join(format!("lif-tls-{}-{name}.pem", process::id()));
        let (_running, address) = Running::server("tls", &[certificate.to_str().unwrap()]);
        Server { _running, address, certificate }
    }

    fn client(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&self.certificate).unwrap()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // If it was never written, there is nothing to tidy.
        fs::remove_file(&self.certificate).ok();
    }
}

#[test]
fn tls_gives_back_to_each_client_what_it_sends_and_closes_when_told() {
    let server = Server::start("echo");
    thread::scope(|scope| {
        for number in 0..4_u8 {
            let mut client = server.client();
            scope.spawn(move || {
                // Pieces that fit the kernel's buffers both ways: this client does one at a time.
                for round in 0..50_u8 {
                    let sent = vec![number ^ round; 1 + 300 * usize::from(round)];
                    client.write_all(&sent).unwrap();
                    let mut got = vec![0; sent.len()];
                    client.read_exact(&mut got).unwrap();
                    assert!(got == sent);
                }
                client.conn.send_close_notify();
                client.flush().unwrap();
                // A proper end, not a connection that is cut.
                assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
            });
        }
    });
}

#[test]
fn tls_refuses_a_client_that_does_not_speak_it_and_serves_the_next() {
    let server = Server::start("refuse");
    let mut plain = connect(server.address);
    plain.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    plain.shutdown(Shutdown::Write).unwrap();
    // An alert at most, and the end; or a reset, if the end came first.
    match plain.read_to_end(&mut Vec::new()) {
        Ok(length) => assert!(length < 16, "{length} bytes"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    let mut client = server.client();
    client.write_all(b"hello").unwrap();
    let mut got = [0; 5];
    client.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"hello");
}

#[test]
fn tls_is_understood_by_openssl() {
    let server = Server::start("openssl");
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-verify_return_error", "-connect"]);
    command.arg(server.address.to_string()).arg("-CAfile").arg(&server.certificate);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        println!("openssl is not installed: nothing was checked");
        return;
    };
    child.stdin.as_mut().unwrap().write_all(b"from openssl\n").unwrap();
    // It ends at the latest when its server does.
    let mut got = [0; 13];
    let read = child.stdout.as_mut().unwrap().read_exact(&mut got);
    child.kill().unwrap();
    child.wait().unwrap();
    read.unwrap();
    assert_eq!(&got, b"from openssl\n");
}
