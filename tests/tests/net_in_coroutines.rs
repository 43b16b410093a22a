//! Every type of socket in coroutines: streams, datagrams, peeking, vectors, clones, options.

use std::{
    io::{ErrorKind, IoSlice, IoSliceMut, Read, Write},
    net::SocketAddr,
    os::unix::net as std_unix,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use lif::net::{
    Shutdown, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream,
};
use lif_tests::{
    net::{ask, echo, listener, pair},
    runtime, watch, yield_until,
};

/// A path that is removed again.
struct TempPath(PathBuf);

impl TempPath {
    fn new() -> TempPath {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let name = format!("lif-tests-net-{}-{number}", std::process::id());
        TempPath(std::env::temp_dir().join(name))
    }
}

impl Drop for TempPath {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

#[test]
fn tcp_over_both_families() {
    let _watch = watch();
    runtime(2).run(|| {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = match TcpListener::bind(address) {
                Ok(listener) => listener,
                // A machine without IPv6.
                Err(error) if error.kind() == ErrorKind::AddrNotAvailable => continue,
                Err(error) => panic!("{address}: {error}"),
            };
            let address = listener.local_addr().unwrap();
            let server = lif::go(move || {
                let (mut stream, peer) = listener.accept().unwrap();
                assert_eq!(stream.peer_addr().unwrap(), peer);
                echo(&mut stream).unwrap();
            });
            let mut client = TcpStream::connect(address).unwrap();
            for n in 0..100 {
                ask(&mut client, n).unwrap();
            }
            drop(client);
            server.join().unwrap();
        }
    });
}

#[test]
fn a_mebibyte_goes_both_ways_through_small_buffers() {
    let _watch = watch();
    runtime(2).run(|| {
        let (mine, mut theirs) = pair();
        let echoes = lif::go(move || echo(&mut theirs));
        let mut writer = mine.try_clone().unwrap();
        let sent: Vec<u8> = (0..1_u32 << 20).map(|i| (i * 31 % 241) as u8).collect();
        let copy = sent.clone();
        let writes = lif::go(move || {
            writer.write_all(&copy).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut got = Vec::new();
        (&mine).read_to_end(&mut got).unwrap();
        assert!(got == sent);
        writes.join().unwrap();
        echoes.join().unwrap().unwrap();
    });
}

#[test]
fn messages_of_every_size_around_the_buffer_come_whole() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, mut theirs) = pair();
        // Else the kernel holds the second part of an answer back.
        theirs.set_nodelay(true).unwrap();
        let echoes = lif::go(move || echo(&mut theirs));
        // The echo's buffer is 1,024: shorter, equal and longer ones, and many of them.
        for size in [1, 2, 1_023, 1_024, 1_025, 2_047, 2_048, 2_049, 5_000] {
            for round in 0..20_u8 {
                let sent = vec![round; size];
                mine.write_all(&sent).unwrap();
                let mut got = vec![0; size];
                mine.read_exact(&mut got).unwrap();
                assert!(got == sent);
            }
        }
        drop(mine);
        echoes.join().unwrap().unwrap();
    });
}

#[test]
fn peek_waits_and_takes_nothing() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, mut theirs) = pair();
        let peeks = lif::go(move || {
            let mut got = [0; 8];
            for _ in 0..3 {
                assert_eq!(mine.peek(&mut got).unwrap(), 4);
                assert_eq!(&got[..4], b"peek");
            }
            mine.read_exact(&mut got[..4]).unwrap();
            assert_eq!(&got[..4], b"peek");
            // Nothing is left: it waits again.
            assert_eq!(mine.peek(&mut got).unwrap(), 0);
        });
        yield_until(|| !peeks.is_finished());
        lif::yield_now();
        theirs.write_all(b"peek").unwrap();
        for _ in 0..20 {
            lif::yield_now();
        }
        drop(theirs);
        peeks.join().unwrap();
        let (a, b) = UnixStream::pair().unwrap();
        (&b).write_all(b"x").unwrap();
        assert_eq!(a.peek(&mut [0; 4]).unwrap(), 1);
        let (a, b) = UnixDatagram::pair().unwrap();
        b.send(b"whole datagram").unwrap();
        assert_eq!(a.peek(&mut [0; 32]).unwrap(), 14);
        assert_eq!(a.recv(&mut [0; 32]).unwrap(), 14);
    });
}

#[test]
fn vectors_are_gathered_and_scattered() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, mut theirs) = pair();
        let reads = lif::go(move || {
            let (mut head, mut tail) = ([0; 3], [0; 8]);
            let mut both = [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)];
            assert_eq!(theirs.read_vectored(&mut both).unwrap(), 6);
            assert_eq!((&head, &tail[..3]), (b"abc", &b"def"[..]));
            theirs.read(&mut [0; 1]).unwrap()
        });
        lif::yield_now();
        let parts = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cdef")];
        assert_eq!(mine.write_vectored(&parts).unwrap(), 6);
        for _ in 0..20 {
            lif::yield_now();
        }
        drop(mine);
        assert_eq!(reads.join().unwrap(), 0);
    });
}

#[test]
fn udp_carries_datagrams_with_their_senders() {
    let _watch = watch();
    runtime(2).run(|| {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let echoes = lif::go(move || {
            for _ in 0..200 {
                let mut buffer = [0; 64];
                let (n, from) = server.recv_from(&mut buffer).unwrap();
                assert_eq!(server.send_to(&buffer[..n], from).unwrap(), n);
            }
        });
        let clients: Vec<_> = (0..4_u8)
            .map(|i| {
                lif::go(move || {
                    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                    socket.connect(address).unwrap();
                    for n in 0..50 {
                        socket.send(&[i, n]).unwrap();
                        let mut got = [0; 8];
                        assert_eq!(socket.peek(&mut got).unwrap(), 2);
                        assert_eq!(socket.recv(&mut got).unwrap(), 2);
                        assert_eq!(got[..2], [i, n]);
                    }
                })
            })
            .collect();
        for client in clients {
            client.join().unwrap();
        }
        echoes.join().unwrap();
    });
}

#[test]
fn unix_streams_by_path_and_by_abstract_name() {
    let _watch = watch();
    runtime(2).run(|| {
        let path = TempPath::new();
        let by_path = UnixListener::bind(&path.0).unwrap();
        assert_eq!(by_path.local_addr().unwrap().as_pathname(), Some(&*path.0));
        let server = lif::go(move || echo(&mut by_path.accept().unwrap().0));
        let mut client = UnixStream::connect(&path.0).unwrap();
        ask(&mut client, 5).unwrap();
        drop(client);
        server.join().unwrap().unwrap();
    });
    #[cfg(target_os = "linux")]
    runtime(1).run(|| {
        use std::os::linux::net::SocketAddrExt;
        let name = format!("lif-tests-abstract-{}", std::process::id());
        let address = std_unix::SocketAddr::from_abstract_name(name).unwrap();
        let listener = UnixListener::bind_addr(&address).unwrap();
        let server = lif::go(move || echo(&mut listener.accept().unwrap().0));
        let mut client = UnixStream::connect_addr(&address).unwrap();
        ask(&mut client, 6).unwrap();
        drop(client);
        server.join().unwrap().unwrap();
    });
}

#[test]
fn a_full_unix_listener_lets_its_clients_wait_and_in_the_end_in() {
    let _watch = watch();
    runtime(2).run(|| {
        let path = TempPath::new();
        let socket =
            socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        socket.bind(&socket2::SockAddr::unix(&path.0).unwrap()).unwrap();
        socket.listen(1).unwrap();
        let listener =
            UnixListener::from(std_unix::UnixListener::from(std::os::fd::OwnedFd::from(socket)));
        let clients: Vec<_> = (0..30)
            .map(|n| {
                let path = path.0.clone();
                lif::go(move || ask(&mut UnixStream::connect(path).unwrap(), n).unwrap())
            })
            .collect();
        for stream in listener.incoming().take(30) {
            let mut stream = stream.unwrap();
            drop(lif::go(move || echo(&mut stream)));
        }
        for client in clients {
            client.join().unwrap();
        }
    });
}

#[test]
fn unix_datagrams_wait_for_room_and_lose_nothing() {
    let _watch = watch();
    runtime(2).run(|| {
        let path = TempPath::new();
        let receiver = UnixDatagram::bind(&path.0).unwrap();
        let senders: Vec<_> = (0..3_u32)
            .map(|i| {
                let path = path.0.clone();
                lif::go(move || {
                    let socket = UnixDatagram::unbound().unwrap();
                    if i == 0 {
                        // Waits for room by events, the others by trying again.
                        socket.connect(&path).unwrap();
                    }
                    for n in 0..200 {
                        let text = (i * 1_000 + n).to_le_bytes();
                        let sent =
                            if i == 0 { socket.send(&text) } else { socket.send_to(&text, &path) };
                        assert_eq!(sent.unwrap(), 4);
                    }
                })
            })
            .collect();
        let mut sums = [0_u32; 3];
        for _ in 0..600 {
            let mut got = [0; 4];
            assert_eq!(receiver.recv(&mut got).unwrap(), 4);
            let number = u32::from_le_bytes(got);
            // In order, for each sender.
            assert_eq!(number % 1_000, sums[number as usize / 1_000]);
            sums[number as usize / 1_000] += 1;
        }
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

#[test]
fn connect_timeout_connects_where_somebody_answers() {
    let _watch = watch();
    runtime(1).run(|| {
        let (listener, address) = listener();
        let mut client = TcpStream::connect_timeout(&address, Duration::from_secs(30)).unwrap();
        let (mut server, _peer) = listener.accept().unwrap();
        client.write_all(b"x").unwrap();
        server.read_exact(&mut [0; 1]).unwrap();
        let error = TcpStream::connect_timeout(&address, Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn conversions_to_std_and_back_keep_the_connection_and_its_settings() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mut mine, mut theirs) = pair();
        let echoes = lif::go(move || echo(&mut theirs));
        let limit = Some(Duration::from_secs(40));
        mine.set_read_timeout(limit).unwrap();
        mine.set_nodelay(true).unwrap();
        for n in 0..10 {
            ask(&mut mine, n).unwrap();
            let mut std = std::net::TcpStream::from(mine);
            assert_eq!(std.read_timeout().unwrap(), limit);
            // It blocks its thread now.
            mine = lif::blocking(|| {
                ask(&mut std, 100 + n).unwrap();
                TcpStream::from(std)
            });
            assert_eq!(mine.read_timeout().unwrap(), limit);
            assert!(mine.nodelay().unwrap());
        }
        drop(mine);
        echoes.join().unwrap().unwrap();
    });
}

#[test]
fn nonblocking_mode_fails_instead_of_parking_and_is_shared_by_clones() {
    let _watch = watch();
    runtime(1).run(|| {
        let (mine, mut theirs) = pair();
        let clone = mine.try_clone().unwrap();
        mine.set_nonblocking(true).unwrap();
        for stream in [&mine, &clone] {
            let mut stream = stream;
            assert_eq!(stream.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        }
        theirs.write_all(b"x").unwrap();
        yield_until(|| (&mine).read(&mut [0; 1]).is_ok());
        clone.set_nonblocking(false).unwrap();
        let reader = lif::go(move || (&mine).read(&mut [0; 1]).unwrap());
        for _ in 0..20 {
            lif::yield_now();
        }
        assert!(!reader.is_finished());
        theirs.write_all(b"y").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn addresses_and_options_are_stds() {
    let _watch = watch();
    runtime(1).run(|| {
        let (listener, address) = listener();
        assert_eq!(address.ip(), SocketAddr::from(([127, 0, 0, 1], 0)).ip());
        let client = TcpStream::connect(address).unwrap();
        let (server, peer) = listener.accept().unwrap();
        assert_eq!(client.local_addr().unwrap(), peer);
        assert_eq!(client.peer_addr().unwrap(), server.local_addr().unwrap());
        client.set_ttl(33).unwrap();
        assert_eq!(client.ttl().unwrap(), 33);
        assert!(client.take_error().unwrap().is_none());
        client.set_linger(Some(Duration::ZERO)).unwrap();
        assert_eq!(client.linger().unwrap(), Some(Duration::ZERO));
    });
}
