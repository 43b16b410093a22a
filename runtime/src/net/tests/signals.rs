//! No call raises SIGPIPE. Test programs ignore the signal, so its delivery is watched instead:
//! on Linux, where it is sent to the thread that wrote.

use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsRawFd;

use super::{TempPath, tcp_pair, within_patience};
use crate::net::{UnixDatagram, UnixStream};

/// Blocks SIGPIPE on this thread: the kernel sends it to the thread that wrote, and a blocked
/// signal stays pending even where it is ignored.
fn block_sigpipe() {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset makes the set, which the next calls read; the old mask isn't asked for.
    let blocked = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut())
    };
    assert_eq!(blocked, 0);
}

fn sigpipe_is_pending() -> bool {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigpending makes the set, which sigismember then reads.
    unsafe {
        assert_eq!(libc::sigpending(set.as_mut_ptr()), 0);
        libc::sigismember(set.as_ptr(), libc::SIGPIPE) == 1
    }
}

#[test]
fn writing_where_nobody_reads_raises_no_signal() {
    within_patience(|| {
        block_sigpipe();
        let (tcp, _peer) = tcp_pair();
        tcp.shutdown(Shutdown::Write).unwrap();
        (&tcp).write(b"x").unwrap_err();
        (&tcp).write_vectored(&[IoSlice::new(b"x")]).unwrap_err();

        let (unix, peer) = UnixStream::pair().unwrap();
        drop(peer);
        (&unix).write(b"x").unwrap_err();
        (&unix).write_vectored(&[IoSlice::new(b"x")]).unwrap_err();

        let path = TempPath::new();
        let _receiver = UnixDatagram::bind(&path).unwrap();
        let (datagram, _peer) = UnixDatagram::pair().unwrap();
        datagram.shutdown(Shutdown::Write).unwrap();
        datagram.send(b"x").unwrap_err();
        datagram.send_to(b"x", &path).unwrap_err();
        assert!(!sigpipe_is_pending());

        // The watch itself works: write(2) has no way to ask for silence.
        // SAFETY: one readable byte.
        let wrote = unsafe { libc::write(unix.as_raw_fd(), b"x".as_ptr().cast(), 1) };
        assert_eq!((wrote, sigpipe_is_pending()), (-1, true));
    });
}
