//! Owns the endless iterator over a listener's connections. Accepting is the listener's.

/// The connections of a listener, one after the other, without end.
///
/// Each step parks until a client connects, as the listener's `accept` does, and gives its
/// error if it fails: the next step tries again. `L` is [`TcpListener`](super::TcpListener) or
/// [`UnixListener`](super::UnixListener). As in std.
#[derive(Debug)]
#[must_use = "iterators are lazy and do nothing unless consumed"]
pub struct Incoming<'a, L = super::TcpListener> {
    pub(super) listener: &'a L,
}

macro_rules! incoming {
    ($listener:ident, $stream:ident) => {
        impl $listener {
            /// Iterates over the connections that come in.
            ///
            /// The iterator never ends; each step is an [`accept`](Self::accept) without the
            /// peer's address. As in std.
            pub fn incoming(&self) -> Incoming<'_, $listener> {
                Incoming { listener: self }
            }
        }

        impl Iterator for Incoming<'_, $listener> {
            type Item = io::Result<$stream>;

            fn next(&mut self) -> Option<Self::Item> {
                Some(self.listener.accept().map(|(stream, _peer)| stream))
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                (usize::MAX, None)
            }
        }

        impl FusedIterator for Incoming<'_, $listener> {}
    };
}

pub(super) use incoming;
