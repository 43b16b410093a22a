//! The socket types on plain threads, beside std's: what one does, the other does. Owns the
//! helpers; the files hold one family of behaviour each.

mod addrs;
mod compare;
mod convert;
mod modes;
#[cfg(target_os = "linux")]
mod signals;
mod tcp;
mod udp;
mod unix;
mod wakes;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Closed, TcpListener, TcpStream};

/// Far longer than any test takes; only a hang meets it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs `test` on a thread of its own and fails if it doesn't end.
fn within_patience<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, outcome) = mpsc::channel();
    let name = thread::current().name().unwrap_or("test").to_owned();
    let thread = thread::Builder::new()
        .name(name.clone())
        .spawn(move || done.send(test()))
        .expect("a thread for the test");
    match outcome.recv_timeout(PATIENCE) {
        Ok(value) => value,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{name} hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => unreachable!("the test ended without an outcome"),
        },
    }
}

/// Runs `wait` on another thread, gives it time to block, runs `end`, and gives what `wait` gave.
///
/// The outcome must be the same when `end` comes first, so nothing depends on the pause.
fn ended_by<T: Send + 'static>(
    wait: impl FnOnce() -> T + Send + 'static,
    end: impl FnOnce() + Send + 'static,
) -> T {
    within_patience(|| {
        let (started, start) = mpsc::channel();
        let waiter = thread::spawn(move || {
            started.send(()).expect("the starter listens");
            wait()
        });
        start.recv().expect("the waiter starts");
        thread::sleep(Duration::from_millis(20));
        end();
        waiter.join().expect("the waiter doesn't panic")
    })
}

fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind to loopback");
    let client = TcpStream::connect(listener.local_addr().unwrap()).expect("connect to loopback");
    let (server, peer) = listener.accept().expect("accept from loopback");
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

/// A path that nothing else uses, removed again on drop.
struct TempPath(PathBuf);

impl TempPath {
    fn new() -> TempPath {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        // ORDER: Relaxed, only the number itself matters.
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lif-net-{}-{number}", std::process::id());
        TempPath(std::env::temp_dir().join(name))
    }
}

impl AsRef<std::path::Path> for TempPath {
    fn as_ref(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for TempPath {
    fn drop(&mut self) {
        // Not every test creates the file.
        drop(std::fs::remove_file(&self.0));
    }
}

fn is_closed<T: std::fmt::Debug>(result: io::Result<T>) -> bool {
    let error = result.expect_err("a closed socket fails");
    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    error.get_ref().is_some_and(|inner| inner.is::<Closed>())
}

#[track_caller]
fn assert_kind<T: std::fmt::Debug>(result: io::Result<T>, kind: io::ErrorKind) {
    assert_eq!(result.expect_err("the call fails").kind(), kind);
}
