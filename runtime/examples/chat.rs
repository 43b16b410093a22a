//! A line chat: `cargo run --release --example chat [ADDRESS]`, then `nc 127.0.0.1 7778` twice.
//!
//! Nothing is shared but channels. One coroutine is the *room*: it alone knows who is there, and
//! takes one arrival or one event at a time with `select!`, so that all see the same order. Two
//! coroutines serve a client. The *reader* takes its lines and sends them to the room, and waits when
//! the room is busy; the *writer* sends what stands in the client's own channel.
//!
//! The room waits for no client. One that reads more slowly than the others write has a full
//! channel at some time, and is disconnected then: it loses its connection, but nobody ever misses a
//! line in between.

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead, BufReader, Read, Write},
    sync::Arc,
    time::Duration,
};

use lif::{
    channel::{Receiver, Sender, bounded},
    net::{Shutdown, TcpListener, TcpStream},
    select,
};

/// Longer lines end the connection.
const LONGEST_LINE: u64 = 4096;
/// So many lines may wait for a client.
const LONGEST_QUEUE: usize = 1024;
/// So many arrivals or events may wait for the room before those who bring them wait too.
const BACKLOG: usize = 64;
/// How long a client may leave the kernel's buffer full.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// What a reader tells the room. All that comes of one client comes in one channel, in order.
enum Event {
    Line(String),
    Gone,
}

/// A client as the room knows it.
struct Client {
    stream: Arc<TcpStream>,
    /// To the writer, which ends when this is dropped and the rest is sent. `None`: hung up.
    lines: Option<Sender<Arc<str>>>,
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7778".into());
    lif::run(|| {
        let listener = TcpListener::bind(address.as_str())?;
        println!("chatting on {}", listener.local_addr()?);
        let (arrivals, arriving) = bounded(BACKLOG);
        lif::go(move || keep_room(&arriving));
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => arrivals.send(stream).map_err(io::Error::other)?,
                Err(error) => {
                    eprintln!("accept: {error}");
                    lif::sleep(Duration::from_millis(100));
                }
            }
        }
        Ok(())
    })
}

/// The room. It waits only here, for whatever happens next.
fn keep_room(arriving: &Receiver<TcpStream>) {
    let (events, happening) = bounded(BACKLOG);
    let mut room = BTreeMap::new();
    let mut last = 0_u64;
    loop {
        select! {
            recv(arriving) -> stream => {
                let Ok(stream) = stream else { return };
                last += 1;
                match arrive(last, stream, &events) {
                    Ok(client) => {
                        room.insert(last, client);
                        tell(&mut room, &format!("* {last} has come\n"));
                    }
                    // It has gone again already, say.
                    Err(error) => eprintln!("{last}: {error}"),
                }
            }
            recv(happening) -> event => match event {
                Ok((number, Event::Line(line))) => tell(&mut room, &format!("{number}: {line}\n")),
                Ok((number, Event::Gone)) => {
                    room.remove(&number);
                    tell(&mut room, &format!("* {number} has gone\n"));
                }
                Err(_) => return,
            }
        }
    }
}

/// Starts the two coroutines of a client.
fn arrive(number: u64, stream: TcpStream, events: &Sender<(u64, Event)>) -> io::Result<Client> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let stream = Arc::new(stream);
    let (lines, queue) = bounded(LONGEST_QUEUE);
    let (events, reads, writes) = (events.clone(), Arc::clone(&stream), Arc::clone(&stream));
    lif::go(move || {
        // However the reading ended: the client is gone. An error here means that the room is.
        if read_lines(number, &reads, &events).is_err() {
            hang_up(&reads);
        }
        events.send((number, Event::Gone))
    });
    lif::go(move || write_lines(&writes, &queue));
    Ok(Client { stream, lines: Some(lines) })
}

/// The reader of one client.
fn read_lines(
    number: u64,
    stream: &TcpStream,
    events: &Sender<(u64, Event)>,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
            return Err("the line is too long".into());
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        events.send((number, Event::Line(text)))?;
    }
}

/// The writer of one client: what was queued when the room let go of it is still sent.
fn write_lines(mut stream: &TcpStream, queue: &Receiver<Arc<str>>) {
    for line in queue {
        if let Err(error) = stream.write_all(line.as_bytes()) {
            // The reader may be waiting: this ends its wait, and it tells the room.
            eprintln!("write: {error}");
            return hang_up(stream);
        }
    }
}

/// Puts a line into everybody's channel.
fn tell(room: &mut BTreeMap<u64, Client>, line: &str) {
    let line = Arc::<str>::from(line);
    for client in room.values_mut() {
        let Some(lines) = &client.lines else { continue };
        // Full, or its writer has ended: it must not get any later line.
        if lines.try_send(Arc::clone(&line)).is_err() {
            client.lines = None;
            hang_up(&client.stream);
        }
    }
}

/// Ends the connection now, with whatever is queued. `shutdown` does not wait; it wakes both
/// coroutines if they wait for the socket.
fn hang_up(stream: &TcpStream) {
    if let Err(error) = stream.shutdown(Shutdown::Both)
        && error.kind() != io::ErrorKind::NotConnected
    {
        eprintln!("shutdown: {error}");
    }
}
