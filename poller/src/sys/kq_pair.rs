//! Waking a kqueue through a socket pair: NetBSD and OpenBSD, for which nix has no `EVFILT_USER`.
//!
//! Owns both ends of the pair. Same items as `kq_user`.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

use nix::Result;
use nix::errno::Errno;

use super::kq::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use crate::event::Token;

/// A pair whose reading end is registered with `EV_CLEAR`: each byte written is an event of its
/// own, so nobody reads until the buffer is full.
#[derive(Debug)]
pub(crate) struct Bell {
    read: UnixStream,
    write: UnixStream,
}

impl Bell {
    pub(crate) fn new(queue: &Kqueue) -> Result<Bell> {
        let (read, write) = UnixStream::pair().map_err(errno)?;
        read.set_nonblocking(true).map_err(errno)?;
        write.set_nonblocking(true).map_err(errno)?;
        let add = KEvent::new(
            read.as_raw_fd() as usize,
            EventFilter::EVFILT_READ,
            EvFlags::EV_ADD | EvFlags::EV_CLEAR,
            FilterFlag::empty(),
            0,
            Token::WAKE.to_u64() as isize,
        );
        queue.kevent(&[add], &mut [], None)?;
        Ok(Bell { read, write })
    }

    /// Writes a byte; the queue sees it by itself.
    pub(crate) fn ring(&self, _queue: &Kqueue) -> Result<()> {
        loop {
            match (&self.write).write(&[0]) {
                Ok(_) => return Ok(()),
                // Full. Reading may hide a wake that the waiter hasn't noticed yet; the write that
                // follows brings it back.
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.drain()?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(errno(e)),
            }
        }
    }

    fn drain(&self) -> Result<()> {
        let mut bytes = [0; 4096];
        loop {
            match (&self.read).read(&mut bytes) {
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(errno(e)),
            }
        }
    }
}

/// The errno of what a system call of std returned.
fn errno(error: io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO))
}

#[cfg(test)]
mod tests {
    use super::super::{decode, empty_event};
    use super::*;

    /// How often the queue reports the bell without blocking.
    fn reports(queue: &Kqueue) -> usize {
        let mut raw = [empty_event(); 4];
        let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let count = queue.kevent(&[], &mut raw, Some(zero)).unwrap();
        assert!(raw[..count].iter().all(|event| decode(event).token() == Token::WAKE));
        count
    }

    #[test]
    fn each_ring_is_reported_once() {
        let queue = Kqueue::new().unwrap();
        let bell = Bell::new(&queue).unwrap();
        assert_eq!(reports(&queue), 0);
        for _ in 0..3 {
            bell.ring(&queue).unwrap();
            assert_eq!(reports(&queue), 1);
            assert_eq!(reports(&queue), 0);
        }
    }

    #[test]
    fn full_pair_still_rings() {
        let queue = Kqueue::new().unwrap();
        let bell = Bell::new(&queue).unwrap();
        while (&bell.write).write(&[0; 4096]).is_ok() {}
        while (&bell.write).write(&[0]).is_ok() {}
        assert_eq!(reports(&queue), 1);
        bell.ring(&queue).unwrap();
        assert_eq!(reports(&queue), 1);
        bell.ring(&queue).unwrap();
        assert_eq!(reports(&queue), 1);
    }
}
