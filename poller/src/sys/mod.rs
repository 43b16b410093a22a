//! The choice of backend: the only place in this crate that asks for the operating system.
//!
//! Each backend has the same items in the same order: `RawEvent` (an entry of the kernel's array),
//! the masks that give its bits a meaning, `empty_event`, `decode`, and `Backend` with `new`, `add`,
//! `delete`, `wait`, `wake`. The contract that they keep stands at the crate's root. Errors are bare
//! errnos here; `Poller` decides which of them are none.
//!
//! With `--cfg kq_emu` the kqueue backend is built on Linux over an emulation of the system calls,
//! so that its logic is executed by tests. That is for development; nothing ships with it.

#[cfg(all(target_os = "linux", not(kq_emu)))]
#[path = "epoll.rs"]
mod imp;

#[cfg(any(
    kq_emu,
    target_os = "macos",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd"
))]
#[path = "kqueue.rs"]
mod imp;

// How a kqueue is woken.
#[cfg(all(kq_emu, test))]
mod kq_pair;
#[cfg(any(kq_emu, target_os = "macos", target_os = "freebsd", target_os = "dragonfly"))]
#[path = "kq_user.rs"]
mod kq_wake;
#[cfg(all(not(kq_emu), any(target_os = "netbsd", target_os = "openbsd")))]
#[path = "kq_pair.rs"]
mod kq_wake;

// Where the kqueue calls go.
#[cfg(kq_emu)]
#[path = "kq_emu.rs"]
mod kq;
#[cfg(all(
    not(kq_emu),
    any(
        target_os = "macos",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd"
    )
))]
use nix::sys::event as kq;

#[cfg(not(any(
    target_os = "linux",
    target_os = "macos",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd"
)))]
compile_error!("lif-poller supports Linux, macOS, FreeBSD, DragonFly, NetBSD and OpenBSD");

pub(crate) use imp::{
    Backend, ERROR, HANGUP, READ_CLOSED, READABLE, RawEvent, URGENT, WRITABLE, WRITE_CLOSED,
    decode, empty_event,
};
