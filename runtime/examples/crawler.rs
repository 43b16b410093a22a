//! A crawler: `cargo run --release --example crawler [URL [SECONDS]]`, for `http://` on plain HTTP.
//!
//! It follows the links of every page that it reaches on the same server, several pages at a time,
//! and prints one line for each, then a summary. The coroutines live in a `lif::scope` and borrow
//! what they share: none outlives the crawl. A page has a deadline over everything that it takes
//! (lookup, connect, all reads), and so has the whole crawl: when SECONDS are over, it reports what
//! it has. Without URL it crawls a small site that it serves itself.

use std::{
    collections::HashSet,
    env,
    io::{self, BufRead, BufReader, Read, Write},
    time::{Duration, Instant},
};

use lif::{
    channel::{Receiver, Sender, unbounded},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    time::timeout,
};

/// How many pages are fetched at the same time.
const AT_A_TIME: usize = 8;
/// How long one page may take.
const PAGE: Duration = Duration::from_secs(2);
/// Of a page no more than this is read, and of a site no more than this many pages.
const LONGEST_PAGE: u64 = 1 << 20;
const MOST_PAGES: usize = 10_000;

/// What the coroutines of a crawl share.
struct Crawl<'a> {
    host: &'a str,
    seen: Mutex<HashSet<String>>,
    /// Paths to fetch. Each one carries a way to add more: when the last one is done, the channel is
    /// closed, and everybody knows that there is nothing left.
    todo: Receiver<Task>,
}

struct Task {
    path: String,
    more: Sender<Task>,
}

fn main() -> io::Result<()> {
    let url = env::args().nth(1);
    let seconds = env::args().nth(2).map_or(Ok(30.0), |word| word.parse());
    let patience = seconds.ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let patience = patience.ok_or_else(|| invalid("SECONDS must be a number"))?;
    lif::run(|| {
        let url = match url {
            Some(url) => url,
            None => serve_a_site()?,
        };
        let rest = url.strip_prefix("http://").ok_or_else(|| invalid("URL must be http://..."))?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (pages, failed, complete) = crawl(host, format!("/{path}"), patience);
        let end = if complete { "complete" } else { "out of time" };
        println!("{pages} pages, {failed} failed, {end}");
        Ok(())
    })
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, what)
}

/// Returns how many pages were read, how many could not be, and whether time sufficed for all.
fn crawl(host: &str, first: String, patience: Duration) -> (usize, usize, bool) {
    let (more, todo) = unbounded();
    let crawl = Crawl { host, seen: Mutex::new(HashSet::from([first.clone()])), todo };
    // The channel is ours, so it takes what we send.
    more.send(Task { path: first, more: more.clone() }).expect("the receiver is in `crawl`");
    drop(more);
    let end = Instant::now() + patience;
    let (mut pages, mut failed, mut complete) = (0, 0, true);
    lif::scope(|s| {
        let fetchers: Vec<_> = (0..AT_A_TIME).map(|_| s.spawn(|| crawl.fetch_all(end))).collect();
        for fetcher in fetchers {
            // A panic is a fault of this program, and ends it at the end of the scope.
            let Ok((read, lost, done)) = fetcher.join() else { panic!("a fetcher panicked") };
            pages += read;
            failed += lost;
            complete &= done;
        }
    });
    (pages, failed, complete)
}

impl Crawl<'_> {
    /// One of the coroutines: fetches pages until there are none left, or the time is over.
    fn fetch_all(&self, end: Instant) -> (usize, usize, bool) {
        let (mut pages, mut failed) = (0, 0);
        loop {
            let task = match self.todo.recv_deadline(end) {
                Ok(task) if Instant::now() < end => task,
                Ok(_) => return (pages, failed, false),
                // The last page may have been lost to the same deadline.
                Err(error) => {
                    return (pages, failed, error.is_disconnected() && Instant::now() < end);
                }
            };
            // The nearer of the two deadlines counts. The wait in progress fails when it comes, so
            // no call below has to be told.
            let left = end.saturating_duration_since(Instant::now());
            let text = timeout(left.min(PAGE), || get(self.host, &task.path));
            match text.unwrap_or_else(|late| Err(late.into())) {
                Ok(text) => {
                    pages += 1;
                    println!("{} {}", text.len(), task.path);
                    self.add_links(&text, &task.more);
                }
                Err(error) => {
                    failed += 1;
                    println!("failed {}: {error}", task.path);
                }
            }
        }
    }

    /// Puts the links of a page that nobody has seen yet into the channel.
    fn add_links(&self, text: &str, more: &Sender<Task>) {
        // No coroutine panics with the lock held, so it is never poisoned.
        let mut seen = self.seen.lock().expect("nothing in here panics");
        for link in text.split("href=\"").skip(1) {
            let Some((link, _)) = link.split_once('"') else { break };
            let path = link.split('#').next().unwrap_or_default();
            // Another server, or another scheme, or relative to the page: not ours.
            let ours = path.starts_with('/') && !path.starts_with("//");
            let clean = !path.contains(|c: char| c.is_control() || c == ' ');
            if ours && clean && seen.len() < MOST_PAGES && seen.insert(path.to_owned()) {
                let task = Task { path: path.to_owned(), more: more.clone() };
                more.send(task).expect("the receiver is in `self`");
            }
        }
    }
}

/// Fetches one page, on a connection of its own.
fn get(host: &str, path: &str) -> io::Result<String> {
    let stream = match host.rsplit_once(':') {
        Some((_, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
            TcpStream::connect(host)?
        }
        _ => TcpStream::connect((host, 80))?,
    };
    // HTTP/1.0: the page ends where the connection ends, or where the length says.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    (&stream).write_all(request.as_bytes())?;
    let mut reader = BufReader::new(&stream).take(LONGEST_PAGE);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    if line.split(' ').nth(1) != Some("200") {
        return Err(io::Error::other(format!("the server says {:?}", line.trim_end())));
    }
    let mut length = None;
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(':') {
            None if line.trim_end().is_empty() => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().ok();
            }
            _ => {}
        }
    }
    let mut page = Vec::new();
    reader.take(length.unwrap_or(LONGEST_PAGE)).read_to_end(&mut page)?;
    match length {
        Some(length) if page.len() as u64 != length => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(String::from_utf8_lossy(&page).into_owned()),
    }
}

/// A site of a hundred pages, each with links to three more; returns where it is.
fn serve_a_site() -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}/0", listener.local_addr()?);
    lif::go(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            lif::go(move || serve_a_page(&stream));
        }
    });
    Ok(url)
}

fn serve_a_page(mut stream: &TcpStream) -> io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(stream).take(8 * 1024);
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let number = head.split(' ').nth(1).and_then(|path| path.strip_prefix('/')?.parse().ok());
    let Some(number @ 0..100_u32) = number else {
        return stream.write_all(b"HTTP/1.0 404 Not Found\r\n\r\n");
    };
    let link = |factor| format!("<a href=\"/{}\">on</a>\n", (number * factor + 1) % 100);
    let page = [link(1), link(2), link(3)].concat();
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len())
}
