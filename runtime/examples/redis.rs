//! A server of the Redis protocol: `cargo run --release --example redis [ADDRESS]`, then
//! `redis-cli -p 6380` or `redis-benchmark -p 6380 -t ping,set,get,incr -P 16`.
//!
//! It speaks RESP2, and inline commands: PING, ECHO, SET (EX, PX), GET, DEL, EXISTS, INCR, EXPIRE,
//! TTL, PTTL, DBSIZE, QUIT, and as much of COMMAND and CONFIG as clients ask for at their start. A
//! coroutine serves a connection; answers to pipelined commands go out together, when all that
//! has come is answered. The keys are spread over shards, each under a lock that is held for
//! one command and never across a wait. A key that has expired is removed by whoever asks for it
//! next, and by a sweep that looks at one shard at a time.

use std::{
    collections::{HashMap, hash_map::RandomState},
    env,
    hash::BuildHasher,
    io::{self, BufRead, BufReader, Read, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use lif::{
    net::{TcpListener, TcpStream},
    sync::{Mutex, MutexGuard},
};

const SHARDS: usize = 16;
/// Limits of a command: a line, its words, and a word. What is longer ends the connection.
const LONGEST_LINE: u64 = 64 * 1024;
const MOST_WORDS: usize = 1024;
const LONGEST_WORD: usize = 8 * 1024 * 1024;
/// All words of a command together.
const LONGEST_COMMAND: usize = 16 * 1024 * 1024;
/// Answers are sent when there are so many bytes of them, however many commands follow.
const FLUSH_AT: usize = 64 * 1024;
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_millis(500);

type Bytes = Vec<u8>;

struct Entry {
    value: Bytes,
    expires: Option<Instant>,
}

#[derive(Default)]
struct Store {
    shards: [Mutex<HashMap<Bytes, Entry>>; SHARDS],
    hasher: RandomState,
}

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:6380".into());
    lif::run(|| {
        let listener = TcpListener::bind(address.as_str())?;
        println!("serving redis on {}", listener.local_addr()?);
        let store = Arc::new(Store::default());
        let swept = Arc::clone(&store);
        lif::go(move || swept.sweep());
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => {
                    let store = Arc::clone(&store);
                    lif::go(move || serve(stream, &store));
                }
                Err(error) => {
                    eprintln!("accept: {error}");
                    lif::sleep(Duration::from_millis(100));
                }
            }
        }
        Ok(())
    })
}

/// Why no command was read.
enum End {
    /// The client has closed, or its connection has failed.
    Gone,
    /// Not the protocol, or over a limit: nobody knows where the next command would begin.
    Bad(&'static str),
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> End {
        End::Gone
    }
}

/// A connection, and the answers that it has not sent yet. They go out before it reads, since a read
/// may wait: a client that pipelines gets the answers to all that it has sent so far at once.
struct Connection {
    stream: TcpStream,
    output: Bytes,
}

impl Connection {
    fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all(&self.output)?;
        self.output.clear();
        Ok(())
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.flush()?;
        self.stream.read(buffer)
    }
}

type Input = BufReader<Connection>;

fn serve(stream: TcpStream, store: &Store) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
    let connection = Connection { stream, output: Vec::new() };
    let mut input = BufReader::with_capacity(16 * 1024, connection);
    loop {
        let read = read_command(&mut input);
        let output = &mut input.get_mut().output;
        let ends = match read {
            Ok(words) => !words.is_empty() && execute(store, &words, output),
            Err(End::Gone) => true,
            Err(End::Bad(why)) => {
                error(output, &format!("ERR Protocol error: {why}"));
                true
            }
        };
        if ends {
            return input.get_mut().flush();
        }
        if output.len() >= FLUSH_AT {
            input.get_mut().flush()?;
        }
    }
}

/// Reads a command: an array of strings, or the words of a line.
fn read_command(input: &mut Input) -> Result<Vec<Bytes>, End> {
    let line = read_line(input)?;
    let Some(count) = line.strip_prefix(b"*") else {
        let words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        return Ok(words.map(<[u8]>::to_vec).collect());
    };
    let count = length(count, MOST_WORDS).ok_or(End::Bad("invalid multibulk length"))?;
    let (mut words, mut total) = (Vec::with_capacity(count.min(16)), 0);
    for _ in 0..count {
        let line = read_line(input)?;
        let word = line.strip_prefix(b"$").ok_or(End::Bad("expected '$'"))?;
        let size = length(word, LONGEST_WORD).ok_or(End::Bad("invalid bulk length"))?;
        total += size;
        if total > LONGEST_COMMAND {
            return Err(End::Bad("too big a command"));
        }
        // Grows with what comes: nobody gets memory for a length that is only announced.
        let mut word = Vec::new();
        input.take(size as u64 + 2).read_to_end(&mut word)?;
        if word.len() < size + 2 {
            return Err(End::Gone);
        }
        if !word.ends_with(b"\r\n") {
            return Err(End::Bad("expected a line end after the string"));
        }
        word.truncate(size);
        words.push(word);
    }
    Ok(words)
}

fn read_line(input: &mut Input) -> Result<Bytes, End> {
    let mut line = Vec::new();
    input.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(if line.len() + 1 < LONGEST_LINE as usize {
            End::Gone
        } else {
            End::Bad("too big inline request")
        });
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(line)
}

fn length(digits: &[u8], most: usize) -> Option<usize> {
    let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
    digits.parse().ok().filter(|length| *length <= most)
}

/// Does a command and appends its answer; returns whether the connection ends.
fn execute(store: &Store, words: &[Bytes], output: &mut Bytes) -> bool {
    let (name, args) = (words[0].to_ascii_uppercase(), &words[1..]);
    match (name.as_slice(), args) {
        (b"PING", []) => output.extend_from_slice(b"+PONG\r\n"),
        (b"PING" | b"ECHO", [text]) => bulk(output, text),
        (b"GET", [key]) => match store.shard(key).get(key) {
            Some(entry) => bulk(output, &entry.value),
            None => output.extend_from_slice(b"$-1\r\n"),
        },
        (b"SET", [key, value, options @ ..]) => match set_options(options) {
            Ok(expires) => {
                let entry = Entry { value: value.clone(), expires };
                store.shard(key).insert(key.clone(), entry);
                output.extend_from_slice(b"+OK\r\n");
            }
            Err(why) => error(output, why),
        },
        (b"DEL", [_, ..]) => {
            let removed = args.iter().filter(|key| store.shard(key).remove(*key).is_some());
            integer(output, removed.count() as i64);
        }
        (b"EXISTS", [_, ..]) => {
            let there = args.iter().filter(|key| store.shard(key).contains_key(*key));
            integer(output, there.count() as i64);
        }
        (b"INCR", [key]) => match increment(store, key) {
            Ok(number) => integer(output, number),
            Err(why) => error(output, why),
        },
        (b"EXPIRE", [key, seconds]) => match number(seconds) {
            Some(seconds) => integer(output, expire(store, key, seconds)),
            None => error(output, NOT_A_NUMBER),
        },
        (b"TTL" | b"PTTL", [key]) => {
            let left = match store.shard(key).get(key).map(|entry| entry.expires) {
                None => -2,
                Some(None) => -1,
                Some(Some(expires)) => {
                    let millis = (expires - Instant::now().min(expires)).as_millis() as i64;
                    // Rounded: one that was set to expire in 10 s has 10 s left just after.
                    if name == b"TTL" { (millis + 500) / 1000 } else { millis }
                }
            };
            integer(output, left);
        }
        (b"DBSIZE", []) => {
            let size: usize = store.shards.iter().map(|shard| lock(shard).len()).sum();
            integer(output, size as i64);
        }
        // Asked by redis-cli and redis-benchmark at their start: none of it is here.
        (b"COMMAND", _) => output.extend_from_slice(b"*0\r\n"),
        (b"CONFIG", [get, _name]) if get.eq_ignore_ascii_case(b"get") => {
            output.extend_from_slice(b"*0\r\n");
        }
        (b"QUIT", []) => {
            output.extend_from_slice(b"+OK\r\n");
            return true;
        }
        (
            b"PING" | b"ECHO" | b"GET" | b"SET" | b"DEL" | b"EXISTS" | b"INCR" | b"EXPIRE" | b"TTL"
            | b"PTTL" | b"DBSIZE" | b"QUIT",
            _,
        ) => {
            let name = String::from_utf8_lossy(&name).to_lowercase();
            error(output, &format!("ERR wrong number of arguments for '{name}' command"));
        }
        _ => {
            let name: String = String::from_utf8_lossy(&words[0]).chars().take(64).collect();
            error(output, &format!("ERR unknown command '{name}'"));
        }
    }
    false
}

const NOT_A_NUMBER: &str = "ERR value is not an integer or out of range";

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// EX seconds, or PX milliseconds, or nothing.
fn set_options(options: &[Bytes]) -> Result<Option<Instant>, &'static str> {
    let [unit, time] = options else {
        return if options.is_empty() { Ok(None) } else { Err("ERR syntax error") };
    };
    let unit = match unit.to_ascii_uppercase().as_slice() {
        b"EX" => Duration::from_secs(1),
        b"PX" => Duration::from_millis(1),
        _ => return Err("ERR syntax error"),
    };
    let count = number(time).ok_or(NOT_A_NUMBER)?;
    let count = u32::try_from(count).ok().filter(|count| *count > 0);
    let count = count.ok_or("ERR invalid expire time in 'set' command")?;
    Ok(Some(Instant::now() + unit * count))
}

fn increment(store: &Store, key: &Bytes) -> Result<i64, &'static str> {
    let mut shard = store.shard(key);
    let new = || Entry { value: b"0".to_vec(), expires: None };
    let entry = shard.entry(key.clone()).or_insert_with(new);
    let value = number(&entry.value).ok_or(NOT_A_NUMBER)?;
    let value = value.checked_add(1).ok_or("ERR increment or decrement would overflow")?;
    entry.value = value.to_string().into_bytes();
    Ok(value)
}

/// As EXPIRE: 1 if there is such a key. One that expires in the past is removed.
fn expire(store: &Store, key: &Bytes, seconds: i64) -> i64 {
    let mut shard = store.shard(key);
    let Some(entry) = shard.get_mut(key) else { return 0 };
    match u32::try_from(seconds) {
        Ok(seconds @ 1..) => {
            entry.expires = Some(Instant::now() + Duration::from_secs(seconds.into()));
        }
        Err(_) if seconds > 0 => entry.expires = None,
        _ => drop(shard.remove(key)),
    }
    1
}

impl Store {
    /// The part of the keys that `key` is in, without `key` if that has expired.
    fn shard(&self, key: &Bytes) -> MutexGuard<'_, HashMap<Bytes, Entry>> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        let mut shard = lock(&self.shards[index]);
        let expires = shard.get(key).and_then(|entry| entry.expires);
        if expires.is_some_and(|expires| expires <= Instant::now()) {
            shard.remove(key);
        }
        shard
    }

    /// Removes what has expired, for ever.
    fn sweep(&self) {
        loop {
            for shard in &self.shards {
                lif::sleep(SWEEP / SHARDS as u32);
                let now = Instant::now();
                lock(shard).retain(|_, entry| entry.expires.is_none_or(|expires| expires > now));
            }
        }
    }
}

/// A panic elsewhere leaves nothing half done under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn bulk(output: &mut Bytes, text: &[u8]) {
    output.extend_from_slice(format!("${}\r\n", text.len()).as_bytes());
    output.extend_from_slice(text);
    output.extend_from_slice(b"\r\n");
}

fn integer(output: &mut Bytes, number: i64) {
    output.extend_from_slice(format!(":{number}\r\n").as_bytes());
}

/// One line, whatever the client has sent.
fn error(output: &mut Bytes, what: &str) {
    output.extend_from_slice(format!("-{}\r\n", what.replace(['\r', '\n'], " ")).as_bytes());
}
