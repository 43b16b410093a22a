//! Owns what the six public types have in common, written once as macros: conversions,
//! descriptor traits, shared methods with their documentation. No behaviour: that is `socket`'s.

/// The struct, its conversions from and to `$std` and descriptors, and the methods of all six.
macro_rules! socket_type {
    ($(#[$doc:meta])* $name:ident, $std:ty) => {
        $(#[$doc])*
        ///
        /// # Conversions
        ///
        #[doc = concat!("From and to [`", stringify!($std), "`]")]
        /// and [`OwnedFd`](std::os::fd::OwnedFd), without loss:
        /// timeouts and non-blocking mode go along. Underneath, the descriptor is in the kernel's
        /// non-blocking mode (O_NONBLOCK) while it is here, and leaves it on the way out unless
        /// [`set_nonblocking`](Self::set_nonblocking) asked for it. That mode belongs to the open
        /// file: who keeps a std clone of a socket that is here, or a clone here of one that was
        /// given to std, shares it. Then std's calls may fail with `WouldBlock`, and accepting or
        /// receiving datagrams here may block the thread; streams here never do.
        ///
        /// Conversions can't report errors, as in std. If fcntl(2) is refused (a system call
        /// filter does that), the descriptor keeps the mode that it has.
        pub struct $name {
            pub(super) socket: Socket<$std>,
        }

        impl $name {
            /// Makes another handle to the same open socket.
            ///
            /// Both send and receive on one stream of data, and share all options, timeouts and
            /// non-blocking mode; each waits by itself. The new descriptor is close-on-exec.
            /// Never parks. As in std.
            ///
            /// # Errors
            ///
            /// Fails when the process has no descriptors left.
            pub fn try_clone(&self) -> io::Result<Self> {
                Ok(Self { socket: self.socket.try_clone()? })
            }

            /// Turns non-blocking mode on or off, for all clones of this socket.
            ///
            /// While it is on, calls that would park fail with
            /// [`WouldBlock`](io::ErrorKind::WouldBlock) instead. A call that is parked already
            /// stays so. Never parks. As in std.
            ///
            /// # Errors
            ///
            /// None at present; the signature is std's.
            pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
                self.socket.mode().set_nonblocking(nonblocking);
                Ok(())
            }

            /// Takes the error that is pending on the socket (SO_ERROR), which clears it.
            ///
            /// Never parks. As in std.
            ///
            /// # Errors
            ///
            /// Fails if the option can't be read.
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.socket.std().take_error()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (*self.socket.std()).fmt(f)
            }
        }

        /// The descriptor is in non-blocking mode (O_NONBLOCK), whatever the user asked for.
        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.socket.fd()
            }
        }

        /// The descriptor is in non-blocking mode (O_NONBLOCK), whatever the user asked for.
        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.socket.fd().as_raw_fd()
            }
        }

        impl IntoRawFd for $name {
            fn into_raw_fd(self) -> RawFd {
                self.socket.into_fd().into_raw_fd()
            }
        }

        impl FromRawFd for $name {
            /// # Safety
            ///
            /// - `fd` is open, and nobody else owns it.
            /// - Nothing relies on it being in blocking mode.
            unsafe fn from_raw_fd(fd: RawFd) -> Self {
                // SAFETY: the caller gives up an open descriptor (first duty above).
                Self::from(unsafe { OwnedFd::from_raw_fd(fd) })
            }
        }

        impl From<OwnedFd> for $name {
            fn from(fd: OwnedFd) -> Self {
                Self { socket: Socket::adopt(<$std>::from(fd)) }
            }
        }

        impl From<$name> for OwnedFd {
            fn from(socket: $name) -> OwnedFd {
                socket.socket.into_fd()
            }
        }

        impl From<$std> for $name {
            fn from(std: $std) -> Self {
                Self { socket: Socket::adopt(std) }
            }
        }

        impl From<$name> for $std {
            fn from(socket: $name) -> $std {
                <$std>::from(socket.socket.into_fd())
            }
        }
    };
}

/// The timeouts of everything but listeners.
macro_rules! timeouts {
    ($name:ident) => {
        impl $name {
            /// Bounds every later call that receives; `None` waits for ever.
            ///
            /// A call that meets the bound fails with [`WouldBlock`](io::ErrorKind::WouldBlock),
            /// as std's do on Unix. Calls that are parked already keep the bound that they began
            /// with. Shared by clones. Never parks. As in std, but exact to the nanosecond.
            ///
            /// # Errors
            ///
            /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a timeout of zero; otherwise
            /// fails if the kernel refuses the option (SO_RCVTIMEO), which is set too so that a
            /// conversion to std keeps it.
            pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.socket.std().set_read_timeout(timeout)?;
                self.socket.mode().set_read_timeout(timeout);
                Ok(())
            }

            /// Bounds every later call that sends; `None` waits for ever.
            ///
            /// Like [`set_read_timeout`](Self::set_read_timeout) otherwise.
            ///
            /// # Errors
            ///
            /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a timeout of zero; otherwise
            /// fails if the kernel refuses the option (SO_SNDTIMEO).
            pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
                self.socket.std().set_write_timeout(timeout)?;
                self.socket.mode().set_write_timeout(timeout);
                Ok(())
            }

            /// The bound of calls that receive, exactly as it was set. Never parks.
            ///
            /// # Errors
            ///
            /// None at present; the signature is std's.
            pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
                Ok(self.socket.mode().read_timeout())
            }

            /// The bound of calls that send, exactly as it was set. Never parks.
            ///
            /// # Errors
            ///
            /// None at present; the signature is std's.
            pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
                Ok(self.socket.mode().write_timeout())
            }
        }
    };
}

/// `Read` and `Write` for a stream and for its reference.
macro_rules! stream_io {
    ($name:ident) => {
        stream_io!(for $name);
        stream_io!(for &$name);
    };
    (for $ty:ty) => {
        /// Reading parks until data arrives, the peer ends its side, or the read timeout passes.
        impl Read for $ty {
            #[inline]
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.socket.read(buf)
            }

            fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.socket.read_vectored(bufs)
            }
        }

        /// Writing parks while the send buffer is full, until the peer has taken some of it or
        /// the write timeout passes; then it sends what there is room for, which may be a part.
        /// A peer that is gone is an error, never a SIGPIPE.
        impl Write for $ty {
            #[inline]
            fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
                self.socket.write(buf)
            }

            fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.socket.write_vectored(bufs)
            }

            #[inline]
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
    };
}

/// `close` of listeners and datagram sockets.
macro_rules! closable {
    ($name:ident) => {
        impl $name {
            /// Ends all use of this handle: whoever waits on it is woken, and fails.
            ///
            /// From now on every call that could wait fails with [`Closed`](crate::net::Closed)
            /// inside an error of kind [`BrokenPipe`](io::ErrorKind::BrokenPipe). Options and
            /// addresses can still be read. Clones are not closed. The descriptor, and with it
            /// the address, is let go when the handle is dropped. Never parks. Closing twice is
            /// the same as once. Not in std; like Go's `Close`.
            pub fn close(&self) {
                self.socket.source().close();
            }
        }
    };
}

/// Methods that never wait and are std's own.
macro_rules! as_std {
    ($name:ident: $($(#[$doc:meta])* $method:ident($($arg:ident: $ty:ty),*) -> $ret:ty;)*) => {
        impl $name {
            $(
                $(#[$doc])*
                ///
                /// Never parks. As in std.
                ///
                /// # Errors
                ///
                /// Fails as the system call does.
                pub fn $method(&self $(, $arg: $ty)*) -> io::Result<$ret> {
                    self.socket.std().$method($($arg),*)
                }
            )*
        }
    };
}

/// The two directions of a connected socket.
macro_rules! shutdown {
    ($name:ident) => {
        impl $name {
            /// Ends the reading side, the writing side or both, for all clones.
            ///
            /// Whoever is parked on an ended side is woken: readers see the end of the data,
            /// writers fail with [`BrokenPipe`](io::ErrorKind::BrokenPipe). Never parks. As in
            /// std.
            ///
            /// # Errors
            ///
            /// [`NotConnected`](io::ErrorKind::NotConnected) without a peer; on some systems
            /// also when that side was ended before.
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.socket.shutdown(how)
            }
        }
    };
}

pub(super) use {as_std, closable, shutdown, socket_type, stream_io, timeouts};
