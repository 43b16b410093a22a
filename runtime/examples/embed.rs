//! A program with threads of its own that keeps a runtime beside them:
//! `cargo run --release --example embed`.
//!
//! It starts a runtime, lets threads and coroutines talk in all four ways that there are (a handle's
//! `go` and `join`, sockets, `park` and `unpark`, a lock that nobody holds while waiting), stops the
//! runtime, and says what has happened.

use std::{
    io::{self, BufRead, BufReader, Write},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use lif::{
    Runtime,
    net::{SocketAddr, TcpListener, TcpStream},
};

const THREADS: usize = 3;
const LINES: usize = 100;

fn main() -> io::Result<()> {
    let started = Instant::now();
    let runtime = Runtime::builder()
        .workers(2)
        .thread_name("embedded")
        .on_thread_start(|| println!("{} starts", thread::current().name().unwrap_or("a worker")))
        .build()?;

    // 1. From a thread into the runtime and back: spawn, and join the result. Any thread can do
    //    that through a handle, which does not keep the runtime alive.
    let handle = runtime.handle();
    let bound = thread::spawn(move || handle.go(serve).join());
    let address = joined(bound.join().and_then(|joined| joined))?;
    println!("a coroutine serves on {address}");

    // 2. Through sockets. The library's sockets work on plain threads too, where they block the
    //    thread; std's would do as well.
    // 3. Through memory: the threads leave their counts where a coroutine finds them, and unpark
    //    it; when it has them all, it unparks this thread.
    let counts = Arc::new(Mutex::new(Vec::new()));
    let collector = runtime.go({
        let (counts, main) = (Arc::clone(&counts), lif::current());
        move || collect(&counts, &main)
    });
    let clients: Vec<_> = (0..THREADS)
        .map(|number| {
            let (counts, coroutine) = (Arc::clone(&counts), collector.thread().clone());
            thread::spawn(move || {
                let count = talk(number, address)?;
                counts.lock().unwrap_or_else(PoisonError::into_inner).push(count);
                coroutine.unpark();
                io::Result::Ok(())
            })
        })
        .collect();
    for client in clients {
        joined(client.join())?;
    }
    while !collector.is_finished() {
        // For no reason now and then, as in std: so in a loop, with the condition.
        lif::park_timeout(Duration::from_millis(100));
    }
    let total: usize = collector.join().map_err(|_| io::Error::other("the collector panicked"))?;
    println!("{total} lines came back");
    if total != THREADS * LINES {
        return Err(io::Error::other("some lines were lost"));
    }

    // 4. The end. The server still waits for connections: it is cancelled, its wait fails, and it
    //    returns. Had something refused to end, it would be in the list, with its spawn site.
    let metrics = runtime.metrics();
    let unfinished = runtime.shutdown_timeout(Duration::from_secs(1));
    println!("{} coroutines were started, {} lived until the end", metrics.spawned, metrics.live);
    for left in &unfinished {
        eprintln!("did not end: {} of {}", left.id(), left.spawned_at());
    }
    println!("stopped after {} ms", started.elapsed().as_millis());
    if unfinished.is_empty() { Ok(()) } else { Err(io::Error::other("coroutines were leaked")) }
}

/// Starts a server that answers each line with the same in capitals; returns where it listens.
fn serve() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    // Detached: it lives until the runtime stops.
    lif::go(move || {
        loop {
            match listener.accept() {
                Ok((stream, _peer)) => drop(lif::go(move || shout(&stream))),
                Err(error) => {
                    println!("the server ends: {error}");
                    return;
                }
            }
        }
    });
    Ok(address)
}

fn shout(mut stream: &TcpStream) -> io::Result<()> {
    for line in BufReader::new(stream).lines() {
        // In one write: the kernel holds back the second of two small ones until the first has been
        // acknowledged.
        stream.write_all(format!("{}\n", line?.to_uppercase()).as_bytes())?;
    }
    Ok(())
}

/// What each plain thread does: sends lines, and counts the answers that are right.
fn talk(number: usize, address: SocketAddr) -> io::Result<usize> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut answers = BufReader::new(&stream).lines();
    let mut right = 0;
    for line in 0..LINES {
        (&stream).write_all(format!("thread {number} line {line}\n").as_bytes())?;
        let answer = answers.next().ok_or(io::ErrorKind::UnexpectedEof)??;
        right += usize::from(answer == format!("THREAD {number} LINE {line}"));
    }
    Ok(right)
}

/// A coroutine that waits for what threads leave.
fn collect(counts: &Mutex<Vec<usize>>, main: &lif::thread::Thread) -> usize {
    loop {
        {
            let counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
            if counts.len() == THREADS {
                main.unpark();
                return counts.iter().sum();
            }
        }
        lif::park();
    }
}

/// What a thread or coroutine has returned; its panic is an error like any other here.
fn joined<T>(result: thread::Result<io::Result<T>>) -> io::Result<T> {
    result.unwrap_or_else(|_panic| Err(io::Error::other("a thread or a coroutine panicked")))
}
