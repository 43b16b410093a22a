//! `ServeOptions`: how a server is to be run, and the binding of its listener.

use std::io;

use lif_coro::StackSize;

use crate::net::{TcpListener, ToSocketAddrs, addrs::each_addr, sys, tcp_listener::listen};

/// How [`serve`](super::serve) is to go about it.
///
/// ```
/// use lif::net::ServeOptions;
///
/// let options = ServeOptions::new().max_connections(10_000).nodelay(true);
/// let listener = options.bind("127.0.0.1:0")?;
/// # drop(listener);
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing by themselves"]
pub struct ServeOptions {
    pub(super) max_connections: usize,
    pub(super) nodelay: bool,
    pub(super) acceptors: Option<usize>,
    pub(super) stack_size: Option<usize>,
    backlog: libc::c_int,
    reuse_port: bool,
}

impl Default for ServeOptions {
    fn default() -> ServeOptions {
        ServeOptions {
            max_connections: usize::MAX,
            nodelay: false,
            acceptors: None,
            stack_size: None,
            backlog: sys::BACKLOG,
            reuse_port: true,
        }
    }
}

impl ServeOptions {
    /// No limit, and otherwise what suits most.
    pub fn new() -> ServeOptions {
        ServeOptions::default()
    }

    /// How many connections are served at a time; by default there is no limit.
    ///
    /// At the limit nothing more is accepted. Clients then wait in the kernel's queue, and when
    /// that is full too, they are not answered at all until a connection ends.
    pub fn max_connections(mut self, connections: usize) -> ServeOptions {
        self.max_connections = connections;
        self
    }

    /// Whether small writes to the connections are sent at once (TCP_NODELAY); by default not, as
    /// in std.
    pub fn nodelay(mut self, nodelay: bool) -> ServeOptions {
        self.nodelay = nodelay;
        self
    }

    /// How many coroutines accept. By default one on each worker if the system spreads the
    /// connections over several listeners of the port (see [`reuse_port`](Self::reuse_port)), and
    /// else one.
    pub fn acceptors(mut self, acceptors: usize) -> ServeOptions {
        self.acceptors = Some(acceptors);
        self
    }

    /// The stack of each connection's coroutine, as
    /// [`Builder::stack_size`](crate::Builder::stack_size); by default the runtime's.
    pub fn stack_size(mut self, bytes: usize) -> ServeOptions {
        self.stack_size = Some(bytes);
        self
    }

    /// For [`bind`](Self::bind): how many connections the kernel queues until they are accepted; by
    /// default as many as the system allows, which is also the most that it can be.
    pub fn backlog(mut self, connections: u32) -> ServeOptions {
        self.backlog = libc::c_int::try_from(connections).unwrap_or(libc::c_int::MAX);
        self
    }

    /// For [`bind`](Self::bind): whether every accept loop may have a listener of its own on the
    /// port (SO_REUSEPORT); by default so, where the system spreads connections over them: Linux
    /// and FreeBSD.
    ///
    /// Processes of the same user can then listen on the port as well, if they ask for it in the
    /// same way. On Linux another `bind` of this kind is refused nevertheless, as long as one is
    /// there: a program that is started twice fails the second time.
    pub fn reuse_port(mut self, reuse: bool) -> ServeOptions {
        self.reuse_port = reuse;
        self
    }

    /// Listens on the first of `addr`'s addresses that can be bound, for [`serve`](super::serve).
    ///
    /// As [`TcpListener::bind`], which does as well if one accept loop is enough.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::bind`].
    pub fn bind<A: ToSocketAddrs>(&self, addr: A) -> io::Result<TcpListener> {
        let spread = self.reuse_port && sys::SPREADS;
        each_addr(addr, |addr| listen(addr, self.backlog, spread, None))
    }

    /// The listeners for all accept loops, the given one first: fewer than the loops if they cannot
    /// have one each.
    pub(super) fn listeners(
        &self,
        first: TcpListener,
        loops: usize,
    ) -> io::Result<Vec<TcpListener>> {
        let addr = first.local_addr()?;
        let mut all = vec![first];
        while all.len() < loops && sys::is_spread(&all[0].socket.options()) {
            match listen(&addr, self.backlog, true, Some(&all[0])) {
                Ok(another) => all.push(another),
                // Not allowed any more to bind that port, or short of descriptors: those that are
                // there do.
                Err(_) => break,
            }
        }
        Ok(all)
    }

    /// Checks what can be wrong, and gives the stack size.
    pub(super) fn checked(&self) -> io::Result<Option<StackSize>> {
        let invalid = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        if self.max_connections == 0 {
            return invalid("a server that may have no connections serves nobody");
        }
        if self.acceptors == Some(0) {
            return invalid("a server needs at least one accept loop");
        }
        Ok(self.stack_size.map(StackSize::new).transpose()?)
    }
}
