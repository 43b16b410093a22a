//! What the tests share: a watchdog, socket pairs, and a poller with its buffer.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use lif_poller::{Event, Events, Interest, Mode, Poller, Token};

/// Runs a test body on a thread of its own and ends the process if it hangs.
pub(crate) fn watched(body: impl FnOnce() + Send + 'static) {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let (done, wait) = channel::<()>();
    let runner = thread::spawn(move || {
        let _done = done;
        body();
    });
    // The sender is dropped however the body ends.
    if wait.recv_timeout(Duration::from_secs(60)) == Err(RecvTimeoutError::Timeout) {
        eprintln!("{name}: no end after a minute");
        std::process::abort();
    }
    if let Err(panic) = runner.join() {
        resume_unwind(panic);
    }
}

/// A poller and the buffer of its waits.
pub(crate) struct Fixture {
    pub(crate) poller: Poller,
    pub(crate) events: Events,
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        Fixture { poller: Poller::new().unwrap(), events: Events::with_capacity(16) }
    }

    pub(crate) fn edge(&self, fd: impl AsFd, token: Token, interest: Interest) {
        self.poller.add(fd.as_fd(), token, interest, Mode::Edge).unwrap();
    }

    pub(crate) fn one_shot(&self, fd: impl AsFd, token: Token, interest: Interest) {
        self.poller.add(fd.as_fd(), token, interest, Mode::OneShot).unwrap();
    }

    /// The events that are there now.
    pub(crate) fn now(&mut self) -> Vec<Event> {
        self.poller.wait(&mut self.events, Some(Duration::ZERO)).unwrap();
        self.events.iter().collect()
    }

    /// Blocks until an event comes.
    pub(crate) fn next(&mut self) -> Vec<Event> {
        loop {
            self.poller.wait(&mut self.events, None).unwrap();
            if !self.events.is_empty() {
                return self.events.iter().collect();
            }
        }
    }

    /// Asserts that nothing is reported now.
    #[track_caller]
    pub(crate) fn silent(&mut self) {
        let events = self.now();
        assert!(events.is_empty(), "{events:?}");
    }
}

pub(crate) const A: Token = Token::new(1, 1);
pub(crate) const B: Token = Token::new(2, 7);

/// A connected pair whose first end doesn't block.
pub(crate) fn unix_pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    (near, far)
}

/// A connected TCP pair over loopback whose first end doesn't block.
pub(crate) fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (far, _) = listener.accept().unwrap();
    near.set_nonblocking(true).unwrap();
    (near, far)
}

/// Writes until the socket takes no more.
pub(crate) fn fill(mut socket: impl io::Write) {
    let block = [7; 16 * 1024];
    loop {
        match socket.write(&block) {
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
            Err(e) => panic!("{e}"),
        }
    }
}

/// Reads until nothing is left, without meeting the end.
pub(crate) fn drain(mut socket: impl io::Read) -> usize {
    let mut block = [0; 16 * 1024];
    let mut total = 0;
    loop {
        match socket.read(&mut block) {
            Ok(0) => panic!("the end of the stream"),
            Ok(count) => total += count,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return total,
            Err(e) => panic!("{e}"),
        }
    }
}

/// The first of `events` that answers yes.
#[track_caller]
pub(crate) fn first(events: &[Event], what: impl Fn(&Event) -> bool) -> Event {
    let found: Vec<_> = events.iter().filter(|event| what(event)).collect();
    assert!(!found.is_empty(), "no such event among {events:?}");
    *found[0]
}

/// What `add` says for a descriptor.
pub(crate) fn add_error(poller: &Poller, fd: BorrowedFd<'_>, interest: Interest) -> Option<i32> {
    poller.add(fd, A, interest, Mode::Edge).err().and_then(|e| e.raw_os_error())
}
