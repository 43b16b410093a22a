//! `serve`: a server over a listener, with accept loops, a limit and a graceful end.
//!
//! | file | owns |
//! |---|---|
//! | this one | the public functions and types |
//! | `options` | how it is to be done; more listeners for the same port |
//! | `acceptor` | an accept loop; a connection's coroutine |
//! | `failure` | what an accept loop makes of an error |
//! | `gate` | the limit: permits, and who waits for one |
//! | `roll` | who serves on a worker, to be cancelled |
//! | `core` | what all of them share |
//!
//! An accept loop takes its permit in the moment of the accept(2), not before: one that waited for
//! a client with a permit in its hand would keep it from another whose clients are there.
//!
//! Nothing here polls or schedules: a connection is placed by what the workers know of their load.

mod acceptor;
mod core;
mod failure;
mod gate;
mod options;
mod roll;

use std::{
    fmt, io,
    net::SocketAddr,
    panic::Location,
    sync::Arc,
    time::{Duration, Instant},
};

pub use self::options::ServeOptions;
use self::{
    acceptor::{Acceptor, Station},
    core::Core,
};
use super::{TcpListener, TcpStream};
use crate::{
    cancel::Reason,
    task::spawn::{self, Options, Place},
};

/// Serves the connections of `listener`: accepts them, and runs `handler` for each in a coroutine
/// of its own. Returns at once; the server runs on by itself, also when its handle is dropped.
///
/// A listener of [`ServeOptions::bind`], or any other with SO_REUSEPORT where the system spreads
/// connections over the listeners of a port, gets an accept loop with a listener of its own on each
/// worker, and a connection is served where it was accepted. Any other listener is shared by the
/// accept loops, of which there is one by default. Either way a worker that has more than its share
/// of coroutines passes connections on to the one that has fewest, since they cannot move later.
///
/// When `max_connections` are there, nothing is accepted until one of them has ended. A connection
/// ends when its handler does; whoever moves the stream elsewhere has to count by himself.
///
/// A panic of the handler ends its connection and nothing else. When accepting fails because the
/// process or the system is out of descriptors or memory, the loop rests for 5 ms, then twice as
/// long each time up to a second, and goes on; a connection that was lost before it was accepted
/// is counted and forgotten.
///
/// # Errors
///
/// [`InvalidInput`](io::ErrorKind::InvalidInput) for a limit of zero, no accept loops, or a stack
/// that is larger than any may be; what the system says if the listener has no address.
///
/// # Panics
///
/// Outside of any runtime. From a thread, it is called within [`Runtime::run`](crate::Runtime::run).
///
/// ```
/// use std::{io::{Read, Write}, time::Duration};
/// use lif::net::{ServeOptions, TcpStream, serve};
///
/// lif::run(|| {
///     let options = ServeOptions::new().max_connections(1_000);
///     let listener = options.bind("127.0.0.1:0")?;
///     let server = serve(listener, options, |mut stream, _peer| {
///         let mut byte = [0; 1];
///         while let Ok(1..) = stream.read(&mut byte) {
///             if stream.write_all(&byte).is_err() {
///                 break;
///             }
///         }
///     })?;
///     let mut client = TcpStream::connect(server.local_addr())?;
///     client.write_all(b"x")?;
///     client.read_exact(&mut [0; 1])?;
///     drop(client);
///     let drained = server.drain(Duration::from_secs(10));
///     assert_eq!(drained.cancelled, 0);
///     assert_eq!(server.metrics().accepted, 1);
///     std::io::Result::Ok(())
/// })
/// # ?; std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn serve<F>(listener: TcpListener, options: ServeOptions, handler: F) -> io::Result<Server>
where
    F: Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
{
    let served_at = Location::caller();
    spawn::here("lif::net::serve", |worker| {
        let stack_size = options.checked()?;
        let workers = worker.shared().workers.len();
        let addr = listener.local_addr()?;
        let listeners = options.listeners(listener, options.acceptors.unwrap_or(workers))?;
        let listeners: Vec<_> = listeners.into_iter().map(Arc::new).collect();
        let loops = options.acceptors.unwrap_or(listeners.len());
        let spread = listeners.len() >= workers;
        let core = Arc::new(Core::new(addr, options.max_connections, worker.shared()));
        let handler = Arc::new(handler);
        let acceptor = |index: usize| {
            let (core, handler) = (Arc::clone(&core), Arc::clone(&handler));
            let nodelay = options.nodelay;
            let station = Station { core, handler, nodelay, stack_size, served_at };
            Acceptor::new(Arc::clone(&listeners[index % listeners.len()]), station, spread)
        };
        // All of them before the first begins, so that none believes to be the last.
        let acceptors: Vec<_> = (0..loops).map(acceptor).collect();
        // The one listener's loop stays where it was started; several go to all workers.
        let first = if loops == 1 { worker.index() } else { 0 };
        for (index, acceptor) in acceptors.into_iter().enumerate() {
            let place = Place::On(worker, (first + index) % workers);
            let options =
                Options { name: None, stack_size: None, spawned_at: served_at, scope: None };
            // SAFETY: all that the closure holds is 'static and Send.
            core.add_loop(unsafe { spawn::spawn(place, options, move || acceptor.run()) });
        }
        Ok(Server { core })
    })
}

/// A running server, made by [`serve`].
///
/// Dropping it detaches the server, which then runs until its runtime ends. Every method works from
/// anywhere: in coroutines of any runtime, on plain threads, through shared references.
///
/// ```
/// use std::time::Duration;
/// use lif::net::{ServeOptions, TcpListener, serve};
///
/// let runtime = lif::Runtime::new()?;
/// let server = runtime.run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     serve(listener, ServeOptions::new(), |stream, _peer| drop(stream))
/// })?;
/// println!("serving on {}", server.local_addr());
/// server.stop();
/// server.wait()?;
/// # std::io::Result::Ok(())
/// ```
#[must_use = "a server that is dropped runs on, and nothing can stop it but the end of its runtime"]
pub struct Server {
    core: Arc<Core>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("local_addr", &self.core.addr)
            .field("live", &self.core.gate.inside())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// The address on which it listens, or has listened.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.core.addr
    }

    /// What the server has counted.
    #[must_use]
    pub fn metrics(&self) -> ServeMetrics {
        self.core.metrics()
    }

    /// Asks the accept loops to end; the connections live on. Does not wait, and does nothing the
    /// second time.
    ///
    /// What the kernel has queued by then, so that its clients are connected, is still accepted, as
    /// far as the limit allows. Then the listeners are closed, and clients are refused.
    pub fn stop(&self) {
        self.core.stop();
    }

    /// Parks the caller until nothing is accepted any more and no connection lives: after
    /// [`stop`](Self::stop) or [`drain`](Self::drain), or the end of the runtime.
    ///
    /// When the caller is cancelled, it unwinds, and the server runs on.
    ///
    /// # Errors
    ///
    /// With which accept(2) failed, if that has ended an accept loop: the listener was shut down
    /// from elsewhere, say.
    ///
    /// # Panics
    ///
    /// In a coroutine that is unwinding the call blocks the thread; if a part of the server lives
    /// on the same one, that would be for ever, and the process is aborted with a message. A
    /// handler that waits for its own server waits for itself.
    pub fn wait(&self) -> io::Result<()> {
        self.core.check_reachable();
        self.core.gate.quiet.wait_cancellable(|| self.core.is_over());
        self.core.failure().map_or(Ok(()), Err)
    }

    /// Ends the server: stops accepting as [`stop`](Self::stop) does, parks the caller until all
    /// connections have ended by themselves, for at most `timeout`, and then cancels those that
    /// have not.
    ///
    /// A handler that is cancelled sees its waits for I/O fail, as with
    /// [`JoinHandle::cancel`](crate::JoinHandle::cancel). `drain` does not wait for that:
    /// [`wait`](Self::wait) does. When the caller is cancelled, it unwinds; the server then has
    /// stopped accepting, and nothing was cancelled.
    ///
    /// ```
    /// use std::{io::Read, time::Duration};
    /// use lif::net::{ServeOptions, TcpListener, TcpStream, serve};
    ///
    /// lif::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let server = serve(listener, ServeOptions::new(), |mut stream, _peer| {
    ///         // Until the client has gone, or the handler is cancelled.
    ///         while let Ok(1..) = stream.read(&mut [0; 64]) {}
    ///     })?;
    ///     let _idle = TcpStream::connect(server.local_addr())?;
    ///     while server.metrics().live == 0 {
    ///         lif::yield_now();
    ///     }
    ///     assert_eq!(server.drain(Duration::from_millis(10)).cancelled, 1);
    ///     server.wait()
    /// })
    /// # ?; std::io::Result::Ok(())
    /// ```
    pub fn drain(&self, timeout: Duration) -> Drained {
        let ended = || {
            let live = self.core.gate.inside() as u64;
            self.core.metrics().accepted.saturating_sub(live)
        };
        let before = ended();
        self.core.stop();
        let deadline = Instant::now().checked_add(timeout);
        let over = self.core.gate.quiet.wait_cancellable_until(deadline, || self.core.is_over());
        let ended = ended().saturating_sub(before);
        let cancelled = if over { 0 } else { self.core.gate.inside() };
        if !over {
            self.core.cancel(Reason::Requested);
        }
        Drained { ended, cancelled }
    }
}

/// What [`Server::drain`] has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// Connections that have ended by themselves meanwhile.
    pub ended: u64,
    /// Connections that had not when the time was over, and were cancelled.
    pub cancelled: usize,
}

/// Counts of a [`Server`], from its start on. They are read one after the other while it runs, so
/// they need not fit together to the last one; all are exact when nothing lives any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeMetrics {
    /// Accept loops that run.
    pub acceptors: usize,
    /// Connections that are being served; never more than the limit.
    pub live: usize,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Of these, those whose handler has panicked.
    pub panicked: u64,
    /// Of these, those whose handler was unwound because of a cancellation, or never began.
    pub cancelled: u64,
    /// Connections that were lost before they were accepted.
    pub aborted: u64,
    /// How often accepting has failed for want of descriptors or memory.
    pub exhausted: u64,
    /// How often an accept loop has had to wait because of the limit.
    pub held_back: u64,
}
