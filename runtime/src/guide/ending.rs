//! Cancellation and deadlines in practice.
//!
//! A coroutine ends by returning. Who wants it to end sooner asks: by
//! [`JoinHandle::cancel`](crate::JoinHandle::cancel), by a
//! [`CancelToken`](crate::cancel::CancelToken), by leaving a
//! [`lif::scope`](crate::scope()) with an error, by the end of a
//! [`timeout`](crate::time::timeout), or by the end of the runtime. The next wait is where it is told;
//! [`lif::cancel`](crate::cancel) has the table of what each kind of wait does. In short: what can
//! fail fails, what cannot fail unwinds, and a lock waits on.
//!
//! # A deadline over anything
//!
//! [`timeout`](crate::time::timeout) takes any code, and none of it has to know. There are two ways in
//! which it may end late: a wait that cannot fail unwinds, and `timeout` gives
//! [`TimedOut`](crate::time::TimedOut); I/O fails with an error of the kind `TimedOut`, which the
//! code hands on as it does any other. Both become one with `??`:
//!
//! ```
//! use lif::{net::{TcpListener, TcpStream}, time::timeout};
//! use std::{io::{self, Read}, time::Duration};
//!
//! fn greeting(address: std::net::SocketAddr) -> io::Result<String> {
//!     timeout(Duration::from_millis(5), || {
//!         let mut text = String::new();
//!         TcpStream::connect(address)?.read_to_string(&mut text)?;
//!         Ok(text)
//!     })?
//! }
//!
//! lif::run(|| {
//!     let silent = TcpListener::bind("127.0.0.1:0").unwrap();
//!     let error = greeting(silent.local_addr().unwrap()).unwrap_err();
//!     assert_eq!(error.kind(), io::ErrorKind::TimedOut);
//! });
//! ```
//!
//! One deadline over a whole request is what bounds it: with a timeout for each read, a peer that
//! sends a byte now and then holds the coroutine for ever. Of nested deadlines the nearest counts.
//!
//! # Several things of which one may fail
//!
//! In a [`lif::scope`](crate::scope()) the children stand together: the first that panics, or returns
//! an error from [`try_spawn`](crate::thread::Scope::try_spawn), cancels the others, and the scope
//! ends when all have ended.
//!
//! ```
//! use std::{io, time::Duration};
//!
//! lif::run(|| {
//!     let (listener, error) = lif::scope(|s| {
//!         let listener = lif::net::TcpListener::bind("127.0.0.1:0").unwrap();
//!         let accepts = s.try_spawn(move || listener.accept().map(drop));
//!         let fails = s.try_spawn(|| {
//!             lif::sleep(Duration::from_millis(1));
//!             Err::<(), _>(io::Error::other("out of luck"))
//!         });
//!         (accepts.join().unwrap(), fails.join().unwrap())
//!     });
//!     assert_eq!(error.unwrap_err().to_string(), "out of luck");
//!     // The one that was cancelled says so, in the error of its wait.
//!     assert!(lif::Cancelled::in_error(&listener.unwrap_err()).is_some());
//! });
//! ```
//!
//! # Loops
//!
//! A coroutine that was cancelled stays so: each further wait fails at once. A loop that goes on
//! after errors has to leave at this one, or it spins:
//!
//! ```
//! use lif::{Cancelled, net::TcpListener};
//!
//! lif::run(|| {
//!     let listener = TcpListener::bind("127.0.0.1:0").unwrap();
//!     let (started, starts) = lif::channel::bounded(1);
//!     let server = lif::go(move || {
//!         started.send(()).unwrap();
//!         for stream in listener.incoming() {
//!             match stream {
//!                 Ok(stream) => drop(lif::go(move || drop(stream))),
//!                 Err(error) if Cancelled::in_error(&error).is_some() => return "told to end",
//!                 // Out of descriptors, say.
//!                 Err(_) => lif::sleep(std::time::Duration::from_millis(10)),
//!             }
//!         }
//!         unreachable!("`incoming` never ends")
//!     });
//!     starts.recv().unwrap();
//!     server.cancel();
//!     assert_eq!(server.join().unwrap(), "told to end");
//! });
//! ```
//!
//! Code that only computes is not told; it asks with [`check`](crate::cancel::check).
//!
//! # Cleaning up
//!
//! What has to be done to the end in spite of a cancellation, and waits, stands in a
//! [`shield`](crate::cancel::shield). Give it a deadline of its own.
//!
//! ```
//! use lif::{cancel, channel::unbounded};
//! use std::time::Duration;
//!
//! lif::run(|| {
//!     let (log, lines) = unbounded();
//!     let (ready, started) = unbounded();
//!     let works = lif::go(move || {
//!         ready.send(()).unwrap();
//!         let (_quiet, never) = unbounded::<()>();
//!         // Fails when the coroutine is cancelled, as if the channel were closed.
//!         never.recv().unwrap_err();
//!         cancel::shield(|| {
//!             lif::sleep(Duration::from_millis(1));
//!             log.send("saved").unwrap();
//!         });
//!     });
//!     started.recv().unwrap();
//!     works.cancel();
//!     assert_eq!(lines.recv(), Ok("saved"));
//! });
//! ```
//!
//! # Panics and unwinding
//!
//! A wait that unwinds prints no message and runs the destructors; the joiner gets
//! [`Cancelled`](crate::Cancelled) instead of a result. A `catch_unwind` around a wait should hand
//! on what it did not expect with `resume_unwind`. With `panic = "abort"` there is no unwinding, so
//! waits that cannot fail are not interrupted there: rely on I/O and channels.
