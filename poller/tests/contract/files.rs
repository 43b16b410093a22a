//! Descriptors that epoll refuses. The BSDs can watch a regular file, so this is about Linux.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use lif_poller::{Interest, Mode};

use crate::common::{A, Fixture, add_error, unix_pair, watched};

#[test]
fn regular_file_cant_be_polled() {
    let f = Fixture::new();
    let file = File::open(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(add_error(&f.poller, file.as_fd(), Interest::READ), Some(libc::EPERM));
    f.poller.delete(file.as_fd()).unwrap();
}

#[test]
fn number_that_became_a_file_fails_with_eperm() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        let number = near.as_raw_fd();
        let duplicate = near.try_clone().unwrap();
        f.edge(&near, A, Interest::READ);
        // A file that can't be polled takes the place of the socket under the same number.
        let file = File::open(std::env::current_exe().unwrap()).unwrap();
        // SAFETY: both are open; `near` owns its number before and after, only for another file.
        assert_eq!(unsafe { libc::dup2(file.as_raw_fd(), number) }, number);
        let near: OwnedFd = near.into();
        let again = f.poller.add(near.as_fd(), A, Interest::READ, Mode::Edge);
        assert_eq!(again.unwrap_err().raw_os_error(), Some(libc::EPERM));
        drop(near);
        // epoll keeps what a duplicate keeps open, under the old token: that is the case which
        // only a delete before the close reaches, and which generations are for.
        far.write_all(b"x").unwrap();
        assert!(f.now().iter().all(|event| event.token() == A));
        drop(duplicate);
        f.silent();
    });
}
