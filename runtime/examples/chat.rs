//! A line chat: `cargo run --release --example chat [ADDRESS]`, then `nc 127.0.0.1 7778` twice.
//!
//! Two coroutines serve a client. The *reader* takes its lines and puts each into the queue of
//! everybody in the room; the *writer* sends what stands in the client's own queue, and parks when
//! there is nothing. A client that reads more slowly than the others write has a full queue at some
//! time, and is disconnected then: it loses its connection, but nobody ever misses a line in between.
//!
//! The locks are std's. That is fine as long as nothing waits while it holds one: a coroutine that
//! parked with a lock held would block its worker's thread as soon as another one wanted the lock.

use std::{
    collections::{BTreeMap, VecDeque},
    env,
    io::{self, BufRead, BufReader, Read, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lif::{
    net::{Shutdown, TcpListener, TcpStream},
    thread::Thread,
};

/// Longer lines end the connection.
const LONGEST_LINE: u64 = 4096;
/// So many lines may wait for a client.
const LONGEST_QUEUE: usize = 1024;
/// How long a client may leave the kernel's buffer full.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Everybody, by number.
type Room = Arc<Mutex<BTreeMap<u64, Arc<Client>>>>;

struct Client {
    stream: TcpStream,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Arc<str>>,
    /// Whom to unpark, once it has come by.
    writer: Option<Thread>,
    /// Nothing is added any more; the writer ends when it has sent the rest.
    closed: bool,
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7778".into());
    lif::run(|| {
        let listener = TcpListener::bind(address.as_str())?;
        println!("chatting on {}", listener.local_addr()?);
        let room = Room::default();
        for (number, stream) in (1..).zip(listener.incoming()) {
            let room = Arc::clone(&room);
            match stream {
                Ok(stream) => drop(lif::go(move || serve(number, stream, &room))),
                Err(error) => {
                    eprintln!("accept: {error}");
                    lif::sleep(Duration::from_millis(100));
                }
            }
        }
        Ok(())
    })
}

/// The reader of one client, from its arrival to its leave.
fn serve(number: u64, stream: TcpStream, room: &Room) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let client = Arc::new(Client { stream, queue: Mutex::default() });
    let own = Arc::clone(&client);
    lif::go(move || write_lines(&own));
    lock(room).insert(number, Arc::clone(&client));
    tell(room, &format!("* {number} has come\n"));
    let read = read_lines(number, &client.stream, room);
    lock(room).remove(&number);
    client.close();
    tell(room, &format!("* {number} has gone\n"));
    read
}

fn read_lines(number: u64, stream: &TcpStream, room: &Room) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 == LONGEST_LINE && line.last() != Some(&b'\n') {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
        }
        let text = String::from_utf8_lossy(&line);
        tell(room, &format!("{number}: {}\n", text.trim_end()));
    }
}

/// Puts a line into everybody's queue. Under the room's lock, so that all see the same order.
fn tell(room: &Room, line: &str) {
    let line = Arc::<str>::from(line);
    for client in lock(room).values() {
        client.push(&line);
    }
}

/// The writer of one client.
fn write_lines(client: &Client) -> io::Result<()> {
    lock(&client.queue).writer = Some(lif::current());
    loop {
        let (line, closed) = {
            let mut queue = lock(&client.queue);
            (queue.lines.pop_front(), queue.closed)
        };
        match line {
            Some(line) => {
                if let Err(error) = (&client.stream).write_all(line.as_bytes()) {
                    // The reader may be waiting: this ends its wait, and it tidies up.
                    client.hang_up();
                    return Err(error);
                }
            }
            None if closed => return Ok(()),
            // An `unpark` between the look at the queue and here is kept: `park` then returns at
            // once. So no line is slept through.
            None => lif::park(),
        }
    }
}

impl Client {
    fn push(&self, line: &Arc<str>) {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return;
        }
        if queue.lines.len() == LONGEST_QUEUE {
            drop(queue);
            return self.hang_up();
        }
        queue.lines.push_back(Arc::clone(line));
        if let Some(writer) = &queue.writer {
            writer.unpark();
        }
    }

    /// Lets the writer send what is queued, and then end.
    fn close(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        if let Some(writer) = &queue.writer {
            writer.unpark();
        }
    }

    /// Ends the connection now, with whatever is queued. `shutdown` does not wait; it wakes both
    /// coroutines if they wait for the socket.
    fn hang_up(&self) {
        lock(&self.queue).lines.clear();
        self.close();
        if let Err(error) = self.stream.shutdown(Shutdown::Both)
            && error.kind() != io::ErrorKind::NotConnected
        {
            eprintln!("shutdown: {error}");
        }
    }
}

/// A panic elsewhere leaves nothing half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
