//! Which names of the standard library (and of crossbeam) Lif has too.
//!
//! Owns the table that a port by hand would follow; finds no names in sources.

/// The items of a module that are Lif's own; the rest of the module stays where it is.
const ITEMS: [(&[&str], &str, &[&str]); 4] = [
    (
        &["std", "sync"],
        "lif::sync",
        &[
            "Barrier",
            "BarrierWaitResult",
            "Condvar",
            "LazyLock",
            "Mutex",
            "MutexGuard",
            "Once",
            "OnceLock",
            "OnceState",
            "RwLock",
            "RwLockReadGuard",
            "RwLockWriteGuard",
            "WaitTimeoutResult",
            "mpsc",
            "*",
        ],
    ),
    (
        &["std", "thread"],
        "lif::thread",
        &[
            "Builder",
            "JoinHandle",
            "Scope",
            "ScopedJoinHandle",
            "Thread",
            "ThreadId",
            "current",
            "park",
            "park_timeout",
            "scope",
            "sleep",
            "spawn",
            "yield_now",
            "*",
        ],
    ),
    (
        &["std", "net"],
        "lif::net",
        &["Incoming", "TcpListener", "TcpStream", "ToSocketAddrs", "UdpSocket", "*"],
    ),
    (&["std", "os", "unix", "net"], "lif::net", &["UnixDatagram", "UnixListener", "UnixStream"]),
];

/// The modules that Lif has as a whole.
const MODULES: [(&[&str], &str); 6] = [
    (&["std", "sync"], "lif::sync"),
    (&["std", "thread"], "lif::thread"),
    (&["std", "net"], "lif::net"),
    (&["std", "os", "unix", "net"], "lif::net"),
    (&["crossbeam_channel"], "lif::channel"),
    (&["crossbeam_utils", "thread"], "lif_port::thread"),
];

/// Where Lif has what `path` names; `None` if it is to stay as it is.
///
/// `path` has no leading `::` and may end with `*`.
pub(super) fn in_lif(path: &[&str]) -> Option<String> {
    if let Some((_, lif)) = MODULES.iter().find(|(module, _)| *module == path) {
        return Some((*lif).to_owned());
    }
    let whole = MODULES.iter().filter(|(module, _)| ITEMS.iter().all(|(of, ..)| of != module));
    for (module, lif) in whole {
        if let Some(rest) = path.strip_prefix(*module) {
            return Some(format!("{lif}::{}", rest.join("::")));
        }
    }
    for (module, lif, items) in &ITEMS {
        if let Some(rest) = path.strip_prefix(*module)
            && items.contains(rest.first()?)
        {
            return Some(format!("{lif}::{}", rest.join("::")));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lif(path: &str) -> Option<String> {
        in_lif(&path.split("::").collect::<Vec<_>>())
    }

    #[test]
    fn what_waits_has_a_counterpart() {
        for (path, expected) in [
            ("std::sync::Mutex", "lif::sync::Mutex"),
            ("std::sync::mpsc::TryRecvError::Empty", "lif::sync::mpsc::TryRecvError::Empty"),
            ("std::thread", "lif::thread"),
            ("std::thread::sleep", "lif::thread::sleep"),
            ("std::net::TcpStream", "lif::net::TcpStream"),
            ("std::os::unix::net::UnixStream", "lif::net::UnixStream"),
            ("crossbeam_channel::select", "lif::channel::select"),
            ("crossbeam_utils::thread::scope", "lif_port::thread::scope"),
        ] {
            assert_eq!(lif(path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_does_not_wait_stays() {
        for path in [
            "std",
            "std::sync::Arc",
            "std::sync::atomic::AtomicUsize",
            "std::thread::LocalKey",
            "std::net::SocketAddr",
            "std::time::Duration",
            "crossbeam_utils::CachePadded",
            "lif::sync::Mutex",
        ] {
            assert_eq!(lif(path), None, "{path}");
        }
    }
}
