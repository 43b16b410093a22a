//! `net::serve`: the limit, the end, what fails, and where connections live.

use std::{
    io::{Read, Write},
    net::TcpStream as StdStream,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lif::net::{ServeOptions, Server, SocketAddr, TcpListener, TcpStream, serve};
use lif_tests::{
    alone,
    child::limit,
    net::{ask, echo, listener},
    runtime, until, was_cancelled, watch,
};

const LONG: Duration = Duration::from_secs(50);

/// A server that echoes, on a listener of its own.
fn echo_server(runtime: &lif::Runtime, options: ServeOptions) -> Server {
    start(runtime, options, |mut stream, _peer| drop(echo(&mut stream)))
}

fn start(
    runtime: &lif::Runtime,
    options: ServeOptions,
    handler: impl Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
) -> Server {
    let listener = options.bind("127.0.0.1:0").unwrap();
    runtime.run(|| serve(listener, options, handler)).unwrap()
}

fn connect(server: &Server) -> StdStream {
    StdStream::connect(server.local_addr()).unwrap()
}

/// Connects to a server that has no room: nobody answers.
fn connects_in_vain(server: &Server) -> StdStream {
    let mut client = connect(server);
    client.write_all(&9_u64.to_le_bytes()).unwrap();
    client.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let error = client.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    client.set_read_timeout(None).unwrap();
    client
}

/// A process that is being started for another test holds all descriptors for a moment.
fn nobody_listens(address: SocketAddr) {
    until(|| StdStream::connect(address).is_err());
}

#[test]
fn every_connection_is_served_and_counted() {
    let watchdog = watch();
    for (workers, reuse) in [(1, true), (1, false), (3, true), (3, false)] {
        let runtime = runtime(workers);
        watchdog.about(&runtime);
        let server = echo_server(&runtime, ServeOptions::new().reuse_port(reuse).nodelay(true));
        for number in 0..100 {
            ask(&mut connect(&server), number).unwrap();
        }
        until(|| server.metrics().live == 0);
        let metrics = server.metrics();
        assert_eq!((metrics.accepted, metrics.panicked, metrics.cancelled), (100, 0, 0));
        assert_eq!((metrics.aborted, metrics.exhausted, metrics.held_back), (0, 0, 0));
        server.stop();
        server.wait().unwrap();
        nobody_listens(server.local_addr());
    }
}

#[test]
fn loops_that_share_one_listener_serve_it() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let (listener, _address) = listener();
    // A mode that the listener shares with clones elsewhere does not disturb.
    listener.set_nonblocking(true).unwrap();
    let elsewhere = listener.try_clone().unwrap();
    let options = ServeOptions::new().acceptors(4).max_connections(1);
    let server = runtime
        .run(|| serve(listener, options, |mut stream, _peer| drop(echo(&mut stream))))
        .unwrap();
    assert_eq!(server.metrics().acceptors, 4);
    for number in 0..200 {
        ask(&mut connect(&server), number).unwrap();
    }
    assert_eq!(server.drain(LONG).cancelled, 0);
    assert_eq!(server.metrics().accepted, 200);
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn the_limit_holds_and_a_place_that_gets_free_is_filled() {
    let watchdog = watch();
    for workers in [1, 3] {
        let runtime = runtime(workers);
        watchdog.about(&runtime);
        let server = echo_server(&runtime, ServeOptions::new().max_connections(3));
        let mut inside: Vec<_> = (0..3).map(|_| connect(&server)).collect();
        for client in &mut inside {
            ask(client, 1).unwrap();
        }
        let mut waiting: Vec<_> = (0..4).map(|_| connects_in_vain(&server)).collect();
        let metrics = server.metrics();
        assert_eq!((metrics.live, metrics.accepted), (3, 3));
        assert!(metrics.held_back >= 1);
        // One by one, in whatever order they were queued.
        while !inside.is_empty() {
            drop(inside.pop());
        }
        for client in &mut waiting {
            client.set_nonblocking(true).unwrap();
        }
        let mut served = 0;
        while served < 4 {
            assert!(server.metrics().live <= 3);
            waiting.retain_mut(|client| {
                let answered = client.read(&mut [0; 8]).is_ok();
                served += usize::from(answered);
                !answered
            });
            lif::sleep(Duration::from_micros(100));
        }
        until(|| server.metrics().live == 0);
        ask(&mut connect(&server), 2).unwrap();
    }
}

/// Each accept loop has a queue of its own: with a limit of one, every queue gets its turn.
#[test]
fn no_accept_loop_starves_at_the_limit() {
    let watchdog = watch();
    let runtime = runtime(4);
    watchdog.about(&runtime);
    let most = Arc::<AtomicUsize>::default();
    let inside = Arc::<AtomicUsize>::default();
    let (now, peak) = (Arc::clone(&inside), Arc::clone(&most));
    let server = start(&runtime, ServeOptions::new().max_connections(1), move |mut stream, _| {
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let mut question = [0; 8];
        if stream.read_exact(&mut question).is_ok() {
            drop(stream.write_all(&question));
        }
        now.fetch_sub(1, Ordering::SeqCst);
    });
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let address = server.local_addr();
            std::thread::spawn(move || {
                for number in 0..50 {
                    ask(&mut StdStream::connect(address).unwrap(), number).unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    assert_eq!(server.drain(LONG).cancelled, 0);
    assert_eq!(most.load(Ordering::SeqCst), 1);
    assert_eq!(server.metrics().accepted, 400);
}

#[test]
fn a_drain_lets_connections_end_by_themselves() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let server = Arc::new(echo_server(&runtime, ServeOptions::new()));
    let mut clients: Vec<_> = (0..10).map(|_| connect(&server)).collect();
    for client in &mut clients {
        ask(client, 1).unwrap();
    }
    let draining = Arc::clone(&server);
    let drain = runtime.go(move || draining.drain(LONG));
    until(|| server.metrics().acceptors == 0);
    nobody_listens(server.local_addr());
    assert!(!drain.is_finished());
    for mut client in clients {
        ask(&mut client, 2).unwrap();
    }
    let drained = drain.join().unwrap();
    assert_eq!((drained.ended, drained.cancelled), (10, 0));
    server.wait().unwrap();
}

#[test]
fn a_drain_cancels_what_has_not_ended_in_time() {
    let watchdog = watch();
    for workers in [1, 2] {
        let runtime = runtime(workers);
        watchdog.about(&runtime);
        let told = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&told);
        let server = start(&runtime, ServeOptions::new(), move |mut stream, _peer| {
            let ended = echo(&mut stream);
            if lif_tests::failed_cancelled(&ended) {
                count.fetch_add(1, Ordering::SeqCst);
                lif::sleep(Duration::MAX);
            }
        });
        let mut clients: Vec<_> = (0..10).map(|_| connect(&server)).collect();
        for client in &mut clients {
            ask(client, 1).unwrap();
        }
        drop(clients.split_off(6));
        until(|| server.metrics().live == 6);
        let drained = server.drain(Duration::from_millis(30));
        assert_eq!((drained.ended, drained.cancelled), (0, 6));
        server.wait().unwrap();
        // The sleep has unwound them.
        assert_eq!((told.load(Ordering::SeqCst), server.metrics().cancelled), (6, 6));
        assert_eq!(server.drain(Duration::ZERO).cancelled, 0, "a second time");
    }
}

/// Connected as far as the client can see: what waits in the queue is served before the listeners
/// are closed.
#[test]
fn what_is_queued_when_the_server_stops_is_served() {
    let watchdog = watch();
    let runtime = runtime(1);
    watchdog.about(&runtime);
    let server = Arc::new(echo_server(&runtime, ServeOptions::new()));
    let stops = Arc::clone(&server);
    // The only worker is busy with this until all are in the queue.
    let clients = runtime.run(move || {
        let clients: Vec<_> = (0..50).map(|_| connect(&stops)).collect();
        stops.stop();
        clients
    });
    for mut client in clients {
        ask(&mut client, 7).unwrap();
    }
    server.wait().unwrap();
    assert_eq!(server.metrics().accepted, 50);
}

#[test]
fn a_server_at_its_limit_stops_too() {
    let watchdog = watch();
    let runtime = runtime(3);
    watchdog.about(&runtime);
    let server = echo_server(&runtime, ServeOptions::new().max_connections(1));
    let mut inside = connect(&server);
    ask(&mut inside, 1).unwrap();
    let waiting: Vec<_> = (0..6).map(|_| connects_in_vain(&server)).collect();
    server.stop();
    until(|| server.metrics().acceptors == 0);
    ask(&mut inside, 2).unwrap();
    drop(inside);
    server.wait().unwrap();
    drop(waiting);
}

#[test]
fn stopping_meets_clients_that_come() {
    let watchdog = watch();
    for round in 0..30_u32 {
        let runtime = runtime(2);
        watchdog.note(format!("round {round}"));
        let server = echo_server(&runtime, ServeOptions::new().reuse_port(round % 2 == 0));
        let address = server.local_addr();
        let over = Arc::new(AtomicBool::new(false));
        let clients: Vec<_> = (0..3)
            .map(|_| {
                let over = Arc::clone(&over);
                std::thread::spawn(move || {
                    while !over.load(Ordering::SeqCst) {
                        let Ok(mut client) = StdStream::connect(address) else { return };
                        // Refused, reset, or served.
                        if ask(&mut client, 3).is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        until(|| server.metrics().accepted > 5 + u64::from(round));
        let drained = server.drain(LONG);
        assert_eq!(drained.cancelled, 0);
        over.store(true, Ordering::SeqCst);
        for client in clients {
            client.join().unwrap();
        }
        assert_eq!((server.metrics().live, server.metrics().acceptors), (0, 0));
    }
}

#[test]
fn a_server_without_descriptors_rests_and_goes_on() {
    alone(|| {
        limit(libc::RLIMIT_NOFILE, 64);
        let runtime = runtime(2);
        let server = echo_server(&runtime, ServeOptions::new());
        let mut clients: Vec<_> = (0..20)
            .map(|_| socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None))
            .map(|socket| StdStream::from(std::os::fd::OwnedFd::from(socket.unwrap())))
            .collect();
        // Everything that is left.
        let mut taken = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            taken.push(file);
        }
        for client in &mut clients {
            socket2::SockRef::from(&*client).connect(&server.local_addr().into()).unwrap();
            client.write_all(&9_u64.to_le_bytes()).unwrap();
        }
        until(|| server.metrics().exhausted >= 3);
        // It fails now and then, and does not spin.
        assert!(server.metrics().exhausted < 1_000);
        assert_eq!(server.metrics().accepted, 0);
        drop(taken);
        for client in &mut clients {
            let mut answer = [0; 8];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(u64::from_le_bytes(answer), 9);
        }
        drop(clients);
        ask(&mut connect(&server), 5).unwrap();
        assert_eq!(server.drain(LONG).cancelled, 0);
        assert_eq!(server.metrics().accepted, 21);
    })
    .passed();
}

#[test]
fn a_handler_that_panics_ends_its_connection_alone() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let server = start(&runtime, ServeOptions::new().max_connections(2), |mut stream, _peer| {
        let mut question = [0; 8];
        stream.read_exact(&mut question).unwrap();
        assert_ne!(u64::from_le_bytes(question), 13, "on purpose");
        stream.write_all(&question).unwrap();
    });
    for _ in 0..10 {
        let mut client = connect(&server);
        client.write_all(&13_u64.to_le_bytes()).unwrap();
        // Closed, or reset, but not answered.
        assert!(matches!(client.read(&mut [0; 8]), Ok(0) | Err(_)));
        ask(&mut connect(&server), 1).unwrap();
    }
    assert_eq!(server.drain(LONG).cancelled, 0);
    assert_eq!((server.metrics().panicked, server.metrics().accepted), (10, 20));
    assert_eq!(runtime.metrics().panicked, 10);
}

#[test]
fn a_cancelled_waiter_unwinds_and_the_server_runs_on() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let server = Arc::new(echo_server(&runtime, ServeOptions::new()));
    for drains in [false, true] {
        let mut client = connect(&server);
        ask(&mut client, 1).unwrap();
        let waited = Arc::clone(&server);
        let waiter = runtime.go(move || {
            if drains {
                waited.drain(LONG);
            } else {
                waited.wait().unwrap();
            }
        });
        lif::sleep(Duration::from_millis(5));
        waiter.cancel();
        assert!(was_cancelled(waiter.join()));
        ask(&mut client, 2).unwrap();
    }
    server.wait().unwrap();
    assert_eq!(server.metrics().cancelled, 0);
}

#[test]
fn a_server_whose_handle_is_dropped_runs_on() {
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let address = echo_server(&runtime, ServeOptions::new()).local_addr();
    ask(&mut StdStream::connect(address).unwrap(), 1).unwrap();
    drop(runtime);
    nobody_listens(address);
}

#[test]
fn the_end_of_the_runtime_ends_the_server() {
    let watchdog = watch();
    for workers in [1, 3] {
        let runtime = runtime(workers);
        watchdog.about(&runtime);
        let dropped = Arc::new(());
        let theirs = Arc::clone(&dropped);
        let server =
            start(&runtime, ServeOptions::new().max_connections(2), move |mut stream, _| {
                let _theirs = &theirs;
                drop(echo(&mut stream));
            });
        let mut clients: Vec<_> = (0..2).map(|_| connect(&server)).collect();
        for client in &mut clients {
            ask(client, 1).unwrap();
        }
        let _waiting = connects_in_vain(&server);
        drop(runtime);
        server.wait().unwrap();
        assert_eq!((server.metrics().live, server.metrics().acceptors), (0, 0));
        assert_eq!(Arc::strong_count(&dropped), 1, "the handler is gone");
        // Of another runtime, after its own has ended: nothing happens.
        assert_eq!(lif::run(|| server.drain(LONG)).cancelled, 0);
    }
}

#[test]
fn a_server_started_while_the_runtime_ends_is_over() {
    let _watch = watch();
    let runtime = runtime(2);
    let late = runtime.go(|| {
        while !lif::cancel::is_cancelled() {
            lif::yield_now();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        serve(listener, ServeOptions::new(), |_, _| ()).unwrap()
    });
    drop(runtime);
    let server = late.join();
    // Or the coroutine was cancelled before it began.
    if let Ok(server) = server {
        server.wait().unwrap();
        assert_eq!(server.metrics().acceptors, 0);
    }
}

/// Connections that come one by one and stay: no worker has them all.
#[test]
fn connections_that_come_slowly_spread_over_the_workers() {
    const WORKERS: usize = 4;
    const CONNECTIONS: usize = 400;
    let watchdog = watch();
    for reuse in [true, false] {
        let runtime = runtime(WORKERS);
        watchdog.about(&runtime);
        let server = echo_server(&runtime, ServeOptions::new().reuse_port(reuse));
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let mut client = connect(&server);
                ask(&mut client, 1).unwrap();
                client
            })
            .collect();
        let residents = runtime.metrics().residents;
        println!("{reuse} {residents:?}");
        let share = CONNECTIONS / WORKERS;
        // What the kernel has spread is left as it is, within reason.
        let fair = share / 4..=share * 3 / 2;
        assert!(residents.iter().all(|count| fair.contains(count)), "{residents:?}");
        drop(clients);
        assert_eq!(server.drain(LONG).cancelled, 0);
    }
}

#[test]
fn a_burst_of_connections_spreads_over_the_workers() {
    const WORKERS: usize = 4;
    const CONNECTIONS: usize = 2_000;
    alone(|| {
        for reuse in [true, false] {
            let runtime = runtime(WORKERS);
            let options = ServeOptions::new().reuse_port(reuse);
            let listener = options.bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            // In the queue of the first listener, before there is another.
            let mut clients: Vec<_> =
                (0..CONNECTIONS).map(|_| StdStream::connect(address).unwrap()).collect();
            let echoes = |mut stream: TcpStream, _| drop(echo(&mut stream));
            let server = runtime.run(|| serve(listener, options, echoes)).unwrap();
            for client in &mut clients {
                ask(client, 1).unwrap();
            }
            let residents = runtime.metrics().residents;
            println!("{reuse} {residents:?}");
            let share = CONNECTIONS / WORKERS;
            let even = share * 3 / 4..=share * 5 / 4;
            assert!(residents.iter().all(|count| even.contains(count)), "{residents:?}");
            drop(clients);
            assert_eq!(server.drain(LONG).cancelled, 0);
        }
    })
    .passed();
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_that_is_taken_is_refused_although_listeners_share_it() {
    let _watch = watch();
    let runtime = runtime(2);
    let options = ServeOptions::new();
    let server = echo_server(&runtime, options.clone());
    let error = options.bind(server.local_addr()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    server.stop();
    server.wait().unwrap();
    drop(options.bind(server.local_addr()).unwrap());
}

#[test]
fn ipv6_is_served_as_well() {
    let _watch = watch();
    let runtime = runtime(2);
    let options = ServeOptions::new();
    let Ok(listener) = options.bind("[::1]:0") else { return };
    let server = runtime.run(|| serve(listener, options, |mut s, _| drop(echo(&mut s)))).unwrap();
    for number in 0..20 {
        ask(&mut connect(&server), number).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_listener_that_was_shut_down_is_an_error() {
    let watchdog = watch();
    let runtime = runtime(1);
    watchdog.about(&runtime);
    let (listener, _address) = listener();
    let elsewhere = listener.try_clone().unwrap();
    let server = runtime.run(|| serve(listener, ServeOptions::new(), |_, _| ())).unwrap();
    socket2::SockRef::from(&elsewhere).shutdown(std::net::Shutdown::Both).unwrap();
    assert_eq!(server.wait().unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

#[test]
fn nonsense_is_refused() {
    let _watch = watch();
    let runtime = runtime(1);
    runtime.run(|| {
        for options in [
            ServeOptions::new().max_connections(0),
            ServeOptions::new().acceptors(0),
            ServeOptions::new().stack_size(usize::MAX),
        ] {
            let error = serve(listener().0, options, |_, _| ()).unwrap_err();
            assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        }
    });
    let outside =
        catch_unwind(AssertUnwindSafe(|| serve(listener().0, ServeOptions::new(), |_, _| ())));
    assert!(outside.is_err(), "there is no runtime here");
}

#[test]
fn a_wait_that_could_never_end_aborts_with_a_message() {
    alone(|| {
        let runtime = runtime(1);
        let server = echo_server(&runtime, ServeOptions::new());
        struct Waits(Server);
        impl Drop for Waits {
            fn drop(&mut self) {
                drop(self.0.wait());
            }
        }
        drop(
            runtime
                .go(|| {
                    let _waits = Waits(server);
                    panic!("on purpose");
                })
                .join(),
        );
    })
    .died_of(libc::SIGABRT, &["is unwinding and waits for the server on 127.0.0.1"]);
}
