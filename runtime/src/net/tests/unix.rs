//! Unix sockets: kinds of addresses, boundaries, full queues.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::unix::net as std_unix;
use std::thread;
use std::time::Duration;

use super::{TempPath, assert_kind, within_patience};
use crate::net::{UnixDatagram, UnixListener, UnixStream};

#[test]
fn streams_connect_by_path_and_clients_are_unnamed() {
    within_patience(|| {
        let path = TempPath::new();
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path.as_ref()));
        let mut client = UnixStream::connect(&path).unwrap();
        let (mut server, peer) = listener.accept().unwrap();
        assert!(peer.is_unnamed());
        client.write_all(b"hello").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        server.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");
        drop(server);
        assert_kind(client.write(b"x"), ErrorKind::BrokenPipe);
        assert_kind(client.write_vectored(&[IoSlice::new(b"x")]), ErrorKind::BrokenPipe);
    });
}

#[test]
fn incoming_works_by_reference_too() {
    within_patience(|| {
        let path = TempPath::new();
        let listener = UnixListener::bind(&path).unwrap();
        let clients = [UnixStream::connect(&path).unwrap(), UnixStream::connect(&path).unwrap()];
        let served = clients.iter().zip(&listener).filter(|(_, stream)| stream.is_ok()).count();
        assert_eq!(served, 2);
    });
}

/// A client that is bound to an address before it connects.
fn bound_client(addr: &socket2::SockAddr, to: &TempPath) -> socket2::Socket {
    let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    client.bind(addr).unwrap();
    client.connect(&socket2::SockAddr::unix(to).unwrap()).unwrap();
    client
}

#[test]
fn named_clients_are_told_by_accept() {
    within_patience(|| {
        let (path, name) = (TempPath::new(), TempPath::new());
        let listener = UnixListener::bind(&path).unwrap();
        let _client = bound_client(&socket2::SockAddr::unix(&name).unwrap(), &path);
        assert_eq!(listener.accept().unwrap().1.as_pathname(), Some(name.as_ref()));
    });
}

/// Linux lets a path fill the address to its last byte; std's constructor doesn't.
#[test]
#[cfg(target_os = "linux")]
fn a_client_with_the_longest_path_is_accepted() {
    within_patience(|| {
        let (path, dir) = (TempPath::new(), TempPath::new());
        std::fs::create_dir(&dir).unwrap();
        let mut name = dir.as_ref().join("x").into_os_string().into_string().unwrap();
        name.extend(std::iter::repeat_n('x', 108 - name.len()));
        let listener = UnixListener::bind(&path).unwrap();

        let client =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        // SAFETY: all zeros is an unnamed address.
        let mut addr: libc::sockaddr_un = unsafe { std::mem::zeroed() };
        addr.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (to, from) in addr.sun_path.iter_mut().zip(name.bytes()) {
            *to = from as libc::c_char;
        }
        let len = size_of_val(&addr) as libc::socklen_t;
        let fd = std::os::fd::AsRawFd::as_raw_fd(&client);
        // SAFETY: `addr` is readable for `len` bytes.
        assert_eq!(unsafe { libc::bind(fd, (&raw const addr).cast(), len) }, 0);
        client.connect(&socket2::SockAddr::unix(&path).unwrap()).unwrap();

        let (_stream, peer) = listener.accept().unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(peer.as_pathname().and_then(|path| path.to_str()), Some(&name[..]));
    });
}

#[test]
#[cfg(target_os = "linux")]
fn abstract_names_work_everywhere() {
    within_patience(|| {
        use crate::net::UnixSocketAddr;
        use std::os::linux::net::SocketAddrExt;
        let name = format!("lif-abstract-{}", std::process::id());
        let addr = UnixSocketAddr::from_abstract_name(&name).unwrap();
        let listener = UnixListener::bind_addr(&addr).unwrap();
        let connected = UnixStream::connect_addr(&addr).unwrap();
        assert_eq!(connected.peer_addr().unwrap().as_abstract_name(), Some(name.as_bytes()));
        assert!(listener.accept().unwrap().1.is_unnamed());

        let path = TempPath::new();
        let other = UnixListener::bind(&path).unwrap();
        let client = format!("\0{name}-client");
        let _client = bound_client(&socket2::SockAddr::unix(&client).unwrap(), &path);
        let peer = other.accept().unwrap().1;
        assert_eq!(peer.as_abstract_name(), Some(&client.as_bytes()[1..]));

        let to = UnixSocketAddr::from_abstract_name(format!("{name}-datagram")).unwrap();
        let receiver = UnixDatagram::bind_addr(&to).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.send_to_addr(b"one", &to).unwrap();
        sender.connect_addr(&to).unwrap();
        sender.send(b"two").unwrap();
        let mut buf = [0; 8];
        let (n, from) = receiver.recv_from(&mut buf).unwrap();
        assert!(from.is_unnamed());
        assert_eq!(&buf[..n], b"one");
        assert_eq!(receiver.recv(&mut buf).unwrap(), 3);
    });
}

#[test]
fn datagrams_go_by_path_and_tell_their_sender() {
    within_patience(|| {
        let (a_path, b_path) = (TempPath::new(), TempPath::new());
        let a = UnixDatagram::bind(&a_path).unwrap();
        let b = UnixDatagram::bind(&b_path).unwrap();
        a.send_to(b"ping", &b_path).unwrap();
        let mut buf = [0; 8];
        assert_eq!(b.peek(&mut buf).unwrap(), 4);
        let (n, from) = b.recv_from(&mut buf).unwrap();
        assert_eq!((n, from.as_pathname()), (4, Some(a_path.as_ref())));
        b.connect(&a_path).unwrap();
        assert_eq!(b.peer_addr().unwrap().as_pathname(), Some(a_path.as_ref()));
        b.send(b"").unwrap();
        assert_eq!(a.recv(&mut buf).unwrap(), 0);
        drop(a);
        assert_kind(b.send(b"x"), ErrorKind::ConnectionRefused);
        assert_kind(UnixDatagram::unbound().unwrap().send(b"x"), ErrorKind::NotConnected);
    });
}

#[test]
fn peek_and_vectored_calls_work_on_streams() {
    within_patience(|| {
        let (mut a, mut b) = UnixStream::pair().unwrap();
        assert_eq!(a.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cd")]).unwrap(), 4);
        let (mut x, mut y) = ([0; 3], [0; 3]);
        assert_eq!(b.peek(&mut x).unwrap(), 3);
        let mut into = [IoSliceMut::new(&mut x), IoSliceMut::new(&mut y)];
        assert_eq!(b.read_vectored(&mut into).unwrap(), 4);
        assert_eq!((&x, y[0]), (b"abc", b'd'));
    });
}

#[test]
fn connect_waits_while_the_queue_is_full() {
    within_patience(|| {
        let path = TempPath::new();
        let listener = UnixListener::bind(&path).unwrap();
        listener.socket.options().listen(1).unwrap();
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let to = path.0.clone();
                thread::spawn(move || UnixStream::connect(to).map(drop))
            })
            .collect();
        for stream in listener.incoming().take(clients.len()) {
            thread::sleep(Duration::from_millis(5));
            stream.unwrap();
        }
        for client in clients {
            // Elsewhere a full queue refuses.
            let connected = client.join().unwrap();
            assert!(connected.is_ok() || cfg!(not(target_os = "linux")), "{connected:?}");
        }
    });
}

/// Fills the queue of a datagram socket, by a sender that is not connected to it.
#[cfg(target_os = "linux")]
fn fill(sender: &UnixDatagram, path: &TempPath) -> usize {
    sender.set_nonblocking(true).unwrap();
    let sent = (0..100_000).take_while(|_| sender.send_to(b"x", path).is_ok()).count();
    sender.set_nonblocking(false).unwrap();
    sent
}

#[test]
#[cfg(target_os = "linux")]
fn sending_to_a_full_queue_waits_for_room_without_a_peer_too() {
    within_patience(|| {
        let path = TempPath::new();
        let receiver = UnixDatagram::bind(&path).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let sent = fill(&sender, &path);
        sender.set_write_timeout(Some(Duration::from_millis(30))).unwrap();
        assert_kind(sender.send_to(b"late", &path), ErrorKind::WouldBlock);
        sender.set_write_timeout(None).unwrap();
        let to = path.0.clone();
        let waiting = thread::spawn(move || sender.send_to(b"last", to));
        let mut buf = [0; 8];
        for _ in 0..sent {
            assert_eq!(receiver.recv(&mut buf).unwrap(), 1);
        }
        assert_eq!(receiver.recv(&mut buf).unwrap(), 4);
        assert_eq!(waiting.join().unwrap().unwrap(), 4);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn close_ends_a_wait_for_room_in_another_sockets_queue() {
    within_patience(|| {
        let path = TempPath::new();
        let receiver = UnixDatagram::bind(&path).unwrap();
        let sender = std::sync::Arc::new(UnixDatagram::unbound().unwrap());
        fill(&sender, &path);
        let (waiter, to) = (sender.clone(), path.0.clone());
        let result = super::ended_by(move || waiter.send_to(b"x", to), move || sender.close());
        assert!(super::is_closed(result));
        drop(receiver);
    });
}

/// The kernel ends a read where descriptors were attached, though more data is there: such a
/// short read must not count as "drained".
#[test]
#[cfg(target_os = "linux")]
fn data_after_attached_descriptors_is_read() {
    within_patience(|| {
        let (a, mut b) = UnixStream::pair().unwrap();
        send_with_descriptor(&a, b"first");
        (&a).write_all(b"second").unwrap();
        let mut buf = [0; 64];
        assert_eq!(b.read(&mut buf).unwrap(), 5);
        assert_eq!(b.read(&mut buf).unwrap(), 6);
    });
}

#[cfg(target_os = "linux")]
fn send_with_descriptor(to: &UnixStream, data: &[u8]) {
    use std::os::fd::AsRawFd;
    let mut space = [0u64; 8];
    let mut part = libc::iovec { iov_base: data.as_ptr().cast_mut().cast(), iov_len: data.len() };
    // SAFETY: all zeros is an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = space.as_mut_ptr().cast();
    // SAFETY: pure arithmetic on the size of one descriptor.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(4) } as _;
    assert!(size_of_val(&space) >= message.msg_controllen);
    // SAFETY: the control buffer has room for one header with one descriptor (just asserted),
    // so the first header exists and its data is writable.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(4) as _;
        libc::CMSG_DATA(header).cast::<i32>().write_unaligned(to.as_raw_fd());
    }
    // SAFETY: `message` points to `part` and `space`, which live until the call returns.
    let sent = unsafe { libc::sendmsg(to.as_raw_fd(), &raw const message, 0) };
    assert_eq!(sent, data.len() as isize);
}

#[test]
fn paths_that_are_no_addresses_are_invalid() {
    within_patience(|| {
        let socket = UnixDatagram::unbound().unwrap();
        let long = "x".repeat(200);
        assert_kind(socket.send_to(b"x", &long), ErrorKind::InvalidInput);
        assert_kind(socket.send_to(b"x", "a\0b"), ErrorKind::InvalidInput);
        assert_kind(UnixStream::connect("a\0b"), ErrorKind::InvalidInput);
        assert_kind(UnixDatagram::bind(&long), ErrorKind::InvalidInput);
        let std = std_unix::UnixDatagram::unbound().unwrap();
        assert_kind(std.send_to(b"x", &long), ErrorKind::InvalidInput);
    });
}
