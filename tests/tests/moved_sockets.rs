//! Sockets that go from one worker to another, and from one runtime to another.

use std::{
    io::{Read, Write},
    sync::{Arc, mpsc},
};

use lif::net::{TcpStream, UnixStream};
use lif_tests::{
    net::{ask, echo, pair},
    runtime, servants, until, watch,
};

#[test]
fn a_socket_handed_from_worker_to_worker_goes_on() {
    let watchdog = watch();
    let runtime = runtime(3);
    watchdog.about(&runtime);
    let servants = servants(&runtime);
    let (mut client, mut server) = pair();
    let echoes = std::thread::spawn(move || echo(&mut server).unwrap());
    for round in 0..60 {
        // One message here, then several: also what waits often enough moves its registration.
        let messages = 1 + round % 9;
        let servant = &servants[round as usize % 3];
        client = servant.run(move || {
            for message in 0..messages {
                ask(&mut client, round * 100 + message).unwrap();
            }
            client
        });
    }
    drop(client);
    echoes.join().unwrap();
}

#[test]
fn a_reader_on_one_worker_and_a_writer_on_another_share_a_socket() {
    const TOTAL: usize = 4 << 20;
    let watchdog = watch();
    let runtime = runtime(2);
    watchdog.about(&runtime);
    let servants = servants(&runtime);
    let (mine, theirs) = pair();
    let (mine, theirs) = (Arc::new(mine), Arc::new(theirs));
    let (say, hear) = mpsc::channel();
    for (servant, stream) in [(0, Arc::clone(&mine)), (1, Arc::clone(&theirs))] {
        let writer = Arc::clone(&stream);
        servants[servant].go(move || {
            let block: Vec<u8> = (0..=250).collect();
            let mut written = 0;
            while written < TOTAL {
                let from = written % block.len();
                let most = (TOTAL - written).min(block.len() - from);
                written += (&*writer).write(&block[from..from + most]).unwrap();
            }
        });
        let say = say.clone();
        servants[1 - servant].go(move || {
            let mut buffer = [0; 8192];
            let mut read = 0;
            while read < TOTAL {
                let n = (&*stream).read(&mut buffer).unwrap();
                assert!(n > 0);
                for &byte in &buffer[..n] {
                    assert_eq!(usize::from(byte), read % 251);
                    read += 1;
                }
            }
            say.send(read).unwrap();
        });
    }
    drop(say);
    assert_eq!(hear.iter().collect::<Vec<_>>(), [TOTAL, TOTAL]);
}

#[test]
fn a_socket_moved_to_another_runtime_goes_on() {
    let _watch = watch();
    let (first, second) = (runtime(1), runtime(1));
    let (mut client, mut server) = pair();
    second.go(move || echo(&mut server));
    for round in 0..20 {
        first.run(|| ask(&mut client, round)).unwrap();
        second.run(|| ask(&mut client, round)).unwrap();
    }
}

#[test]
fn a_socket_outlives_the_runtime_that_it_was_used_in() {
    let _watch = watch();
    let (mut client, mut server) = pair();
    let serving = runtime(1);
    serving.go(move || echo(&mut server));
    for round in 0..10 {
        let passing = runtime(2);
        passing.run(|| ask(&mut client, round)).unwrap();
        drop(passing);
        // On this thread too.
        ask(&mut client, 100 + round).unwrap();
    }
}

/// The socket is registered with the first runtime's poller while a coroutine of the second waits.
#[test]
fn who_waits_elsewhere_survives_the_end_of_the_poller() {
    let watchdog = watch();
    let second = runtime(1);
    watchdog.about(&second);
    for _ in 0..30 {
        let first = runtime(1);
        let (mine, mut theirs) = pair();
        let mine = Arc::new(mine);
        let reader = Arc::clone(&mine);
        let reader = first.go(move || (&*reader).read(&mut [0; 8]).unwrap());
        // Once it sleeps it has registered.
        until(|| first.metrics().residents == [1]);
        first.run(|| ());
        theirs.write_all(b"first").unwrap();
        assert_eq!(reader.join().unwrap(), 5);
        let reader = second_reader(&second, &mine);
        until(|| second.metrics().residents == [1]);
        second.run(|| ());
        // It sits in the first one's poller.
        drop(first);
        theirs.write_all(b"again").unwrap();
        assert_eq!(reader.join().unwrap(), 5);
    }
}

fn second_reader(second: &lif::Runtime, stream: &Arc<TcpStream>) -> lif::JoinHandle<usize> {
    let stream = Arc::clone(stream);
    second.go(move || (&*stream).read(&mut [0; 8]).unwrap())
}

#[test]
fn many_sockets_move_while_their_runtimes_come_and_go() {
    let _watch = watch();
    let steady = runtime(1);
    let mut clients = Vec::new();
    for _ in 0..20 {
        let (mine, mut theirs) = UnixStream::pair().unwrap();
        steady.go(move || echo(&mut theirs));
        clients.push(mine);
    }
    for round in 0..8 {
        let passing = runtime(2);
        let asked: Vec<_> = clients
            .drain(..)
            .enumerate()
            .map(|(i, mut client)| {
                passing.go(move || {
                    for n in 0..5 {
                        ask(&mut client, round * 1000 + n * 50 + i as u64).unwrap();
                    }
                    client
                })
            })
            .collect();
        clients = asked.into_iter().map(|one| one.join().unwrap()).collect();
    }
    drop(clients);
    steady.wait_idle();
}
