//! The server process: accepts, and sends back whatever comes, one coroutine a connection.
//!
//! Written as a user of the library would write it: blocking-style calls and nothing else. It
//! counts connections, and leaves what the numbers mean to the report.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::time::Duration;

use lif::net::{TcpListener, TcpStream};
use serde_json::json;

use crate::args::ServerArgs;
use crate::counter::Counter;
use crate::failure::{Kind, Tally, kind_of};
use crate::host;
use crate::proto::{self, Command, ServerSample};
use crate::sys;

/// Messages below this are read into a buffer on the coroutine's stack, in the page that is
/// resident anyway.
const INLINE: usize = 1024;

/// No buffer is larger: a longer message passes through in parts.
const LARGEST: usize = 64 * 1024;

/// How long an accept loop rests after a failure, so that a lack of descriptors can pass.
const REST: Duration = Duration::from_millis(10);

/// What all coroutines of the server share.
#[derive(Debug, Default)]
struct Server {
    size: usize,
    listening: Counter,
    open: Counter,
    peak: Counter,
    accepted: Counter,
    echoed: Counter,
    failures: Tally,
}

/// Serves until the coordinator says that it is over.
///
/// # Errors
///
/// The runtime could not start, a port was taken, or the coordinator is gone.
pub(crate) fn run(args: &ServerArgs) -> io::Result<()> {
    let runtime = crate::start_runtime(args.child.workers)?;
    // Lives as long as the process, so that no connection pays for a reference count.
    let server: &'static Server =
        Box::leak(Box::new(Server { size: args.size as usize, ..Server::default() }));
    let mut ports = Vec::new();
    for index in 0..args.listeners {
        let port = if args.port == 0 { 0 } else { args.port + index };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))?;
        sys::lengthen_listen_queue(&listener)?;
        ports.push(listener.local_addr()?.port());
        drop(runtime.go(move || server.accept_from(&listener)));
    }
    while server.listening.get() < u64::from(args.listeners) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let rss_base_kib = host::resident_kib().map_or(0, |(now, _)| now);
    let cpu_base_ms = sys::usage().cpu_ms;
    proto::answer(|command| match command {
        Command::Hello => json!({ "ports": ports, "rss_base_kib": rss_base_kib }),
        Command::Survey | Command::Finish => server.survey(runtime, cpu_base_ms).to_json(),
        _ => server.sample().to_json(),
    })
}

impl Server {
    /// One of these for each listener. Failures are counted and lived through.
    fn accept_from(&'static self, listener: &TcpListener) {
        self.listening.add(1);
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    let visit = Visit::begin(self);
                    drop(lif::go(move || self.serve(&stream, visit)));
                }
                Err(error) => {
                    self.failures.count(kind_of(&error));
                    lif::sleep(REST);
                }
            }
        }
    }

    /// One connection, from its first byte to its end. A peer that never reads keeps its coroutine
    /// parked in the write, at no cost to others, until it closes.
    fn serve(&self, stream: &TcpStream, mut visit: Visit) {
        let result = stream.set_nodelay(true).and_then(|()| {
            // One byte more than a message: a read that ends short shows that all has been read.
            if self.size < INLINE {
                serve_inline(stream, &mut visit.echoed)
            } else {
                serve_on_heap(stream, (self.size + 1).min(LARGEST + 1), &mut visit.echoed)
            }
        });
        if let Err(error) = result {
            self.failures.count(kind_of(&error));
        }
    }

    fn sample(&self) -> ServerSample {
        ServerSample {
            open: self.open.get(),
            peak: self.peak.get(),
            accepted: self.accepted.get(),
            echoed: self.echoed.get(),
            failures: self.failures.counts(),
            ..ServerSample::default()
        }
    }

    fn survey(&self, runtime: &lif::Runtime, cpu_base_ms: u64) -> ServerSample {
        let usage = sys::usage();
        let (rss_kib, peak) = host::resident_kib().unwrap_or((0, usage.peak_rss_kib));
        let metrics = runtime.metrics();
        ServerSample {
            rss_kib,
            // The kernel notes the peak only now and then, so it may lag behind.
            rss_peak_kib: peak.max(rss_kib),
            cpu_ms: usage.cpu_ms.saturating_sub(cpu_base_ms),
            descriptors: host::open_descriptors().unwrap_or(0),
            coroutines: metrics.live as u64,
            spawned: metrics.spawned,
            ..self.sample()
        }
    }
}

/// Kept apart from [`serve_on_heap`], so that only those who use the buffer have it on the stack.
#[inline(never)]
fn serve_inline(stream: &TcpStream, echoed: &mut u64) -> io::Result<()> {
    echo(stream, &mut [0; INLINE], echoed)
}

#[inline(never)]
fn serve_on_heap(stream: &TcpStream, buffer: usize, echoed: &mut u64) -> io::Result<()> {
    echo(stream, &mut vec![0; buffer], echoed)
}

fn echo(mut stream: &TcpStream, buffer: &mut [u8], echoed: &mut u64) -> io::Result<()> {
    loop {
        let n = match stream.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        stream.write_all(&buffer[..n])?;
        *echoed += n as u64;
    }
}

/// A connection in the books, from accept to the end of its coroutine, however that comes.
#[derive(Debug)]
struct Visit {
    server: &'static Server,
    echoed: u64,
}

impl Visit {
    fn begin(server: &'static Server) -> Visit {
        server.accepted.add(1);
        let open = server.open.add(1);
        server.peak.raise_to(open);
        Visit { server, echoed: 0 }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.server.failures.count(Kind::Panic);
        }
        self.server.echoed.add(self.echoed);
        self.server.open.sub(1);
    }
}
