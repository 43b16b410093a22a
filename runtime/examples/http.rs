//! A minimal HTTP/1.1 server: `cargo run --release --example http [ADDRESS [SECONDS]]`, then
//! `curl -i http://127.0.0.1:8080/` or `wrk -c 100 http://127.0.0.1:8080/`.
//!
//! The heads of requests are parsed by `httparse`. It knows one page and does properly what a server must even so: connections are kept alive,
//! requests may be pipelined or come a byte at a time, sizes and times are bounded (SECONDS is how
//! long one request may take to come in), bodies are skipped, and what cannot be understood is
//! refused and ends the connection, since nobody knows where the next request would begin.

use std::{
    env,
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use lif::net::{Shutdown, TcpListener, TcpStream};

/// The longest request line with all headers.
const LONGEST_HEAD: usize = 8 * 1024;
const MOST_HEADERS: usize = 64;
/// The longest body that is skipped.
const LONGEST_BODY: usize = 1024 * 1024;
/// How long a connection may be silent between two requests.
const IDLE: Duration = Duration::from_secs(60);

const PAGE: &str = "Hello from a coroutine.\n";
const BAD_REQUEST: &str = "400 Bad Request";
const TOO_LONG: &str = "431 Request Header Fields Too Large";

fn main() -> io::Result<()> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into());
    let seconds = env::args().nth(2).map_or(Ok(10.0), |word| word.parse());
    let patience = seconds.ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let patience = patience.filter(|patience| !patience.is_zero()).ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "SECONDS must be a number above zero")
    })?;
    lif::run(|| {
        let listener = TcpListener::bind(address.as_str())?;
        println!("serving http://{}/", listener.local_addr()?);
        for stream in listener.incoming() {
            match stream {
                Ok(stream) => drop(lif::go(move || Connection::new(stream, patience).serve())),
                // No descriptors are left, or a client was gone before it was served.
                Err(error) => {
                    eprintln!("accept: {error}");
                    lif::sleep(Duration::from_millis(10));
                }
            }
        }
        Ok(())
    })
}

/// Why the server ends a connection.
enum End {
    /// The client has asked for it, or has gone.
    Wanted,
    /// The request cannot be served, for this reason.
    Refused(&'static str),
    Failed(io::Error),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> End {
        End::Failed(error)
    }
}

struct Connection {
    stream: TcpStream,
    /// What has been read and not yet consumed: a part of a request, or several.
    input: Vec<u8>,
    /// Answers that have not been sent: those to pipelined requests go out together.
    output: Vec<u8>,
    patience: Duration,
}

impl Connection {
    fn new(stream: TcpStream, patience: Duration) -> Connection {
        Connection { stream, input: Vec::new(), output: Vec::new(), patience }
    }

    fn serve(mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.stream.set_write_timeout(Some(self.patience))?;
        let end = loop {
            if let Err(end) = self.serve_one() {
                break end;
            }
        };
        match end {
            End::Failed(error) => return Err(error),
            End::Wanted => {}
            End::Refused(status) => self.answer(status, "", false, true),
        }
        self.stream.write_all(&self.output)?;
        self.close()
    }

    fn serve_one(&mut self) -> Result<(), End> {
        let deadline = self.await_request()?;
        let (end, request) = loop {
            let parsed = parse(&self.input).map_err(End::Refused)?;
            let length = parsed.as_ref().map_or(self.input.len(), |(end, _)| *end);
            if length > LONGEST_HEAD {
                return Err(End::Refused(TOO_LONG));
            }
            if let Some(parsed) = parsed {
                break parsed;
            }
            self.fill(deadline)?;
        };
        self.input.drain(..end);
        // A client that waits for a "100 Continue" gets the answer instead, and may then send the
        // body or not: only a new connection is free of doubt.
        let close = request.close || request.expects_continue;
        if !request.expects_continue {
            self.skip(request.body, deadline)?;
        }
        match request.method {
            Method::Other => self.answer("405 Method Not Allowed", "", false, close),
            method => {
                let (status, body) = match request.is_root {
                    true => ("200 OK", PAGE),
                    false => ("404 Not Found", "404 Not Found"),
                };
                self.answer(status, body, method == Method::Head, close);
            }
        }
        if close { Err(End::Wanted) } else { Ok(()) }
    }

    /// Waits for the first byte of a request; returns when the rest has to be there.
    fn await_request(&mut self) -> Result<Instant, End> {
        loop {
            // An empty line before a request is allowed.
            while self.input.starts_with(b"\r\n") {
                self.input.drain(..2);
            }
            if !self.input.is_empty() && self.input != b"\r" {
                return Ok(Instant::now() + self.patience);
            }
            match self.fill(Instant::now() + IDLE) {
                // Silent for too long, or gone, between two requests: that is not an error.
                Err(End::Refused(_)) => return Err(End::Wanted),
                other => other?,
            }
        }
    }

    /// Takes the body of a request out of the input.
    fn skip(&mut self, mut body: usize, deadline: Instant) -> Result<(), End> {
        loop {
            let here = body.min(self.input.len());
            self.input.drain(..here);
            body -= here;
            if body == 0 {
                return Ok(());
            }
            self.fill(deadline)?;
        }
    }

    /// Reads what there is; waits for it until `deadline`. All answers are sent before.
    fn fill(&mut self, deadline: Instant) -> Result<(), End> {
        self.stream.write_all(&self.output)?;
        self.output.clear();
        // One deadline for the whole request, however small its pieces: a client that sends a byte
        // now and then does not hold the connection for ever. Setting it costs no system call.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(End::Refused("408 Request Timeout"));
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) if self.input.is_empty() => Err(End::Wanted),
            Ok(0) => Err(End::Refused(BAD_REQUEST)),
            Ok(read) => {
                self.input.extend_from_slice(&buffer[..read]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(End::Refused("408 Request Timeout"))
            }
            Err(error) => Err(End::Failed(error)),
        }
    }

    fn answer(&mut self, status: &str, body: &str, head_only: bool, close: bool) {
        let allow = if status.starts_with("405") { "Allow: GET, HEAD\r\n" } else { "" };
        let close = if close { "Connection: close\r\n" } else { "" };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
             {allow}{close}\r\n"
        );
        self.output.extend_from_slice(head.as_bytes());
        if !head_only {
            self.output.extend_from_slice(body.as_bytes());
        }
    }

    /// Closes so that the client gets the last answer: if data that nobody has read were left in
    /// the kernel, it would send a reset, which may overtake the answer.
    fn close(mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + self.patience.min(Duration::from_secs(2));
        self.output.clear();
        while self.fill(deadline).is_ok() {
            self.input.clear();
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Get,
    Head,
    Other,
}

/// What this server has to know of a request.
struct Request {
    method: Method,
    is_root: bool,
    /// The connection ends after the answer.
    close: bool,
    expects_continue: bool,
    body: usize,
}

/// Parses the head of the first request in the input, and tells where it ends; `None` if that has
/// not come yet; or says how to refuse it.
fn parse(input: &[u8]) -> Result<Option<(usize, Request)>, &'static str> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Request::new(&mut headers);
    let end = match head.parse(input) {
        Ok(httparse::Status::Complete(end)) => end,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::Version) => return Err("505 HTTP Version Not Supported"),
        Err(httparse::Error::TooManyHeaders) => return Err(TOO_LONG),
        Err(_) => return Err(BAD_REQUEST),
    };
    let (method, target) = (head.method.unwrap_or_default(), head.path.unwrap_or_default());
    if !(target.starts_with('/') || target == "*") {
        return Err(BAD_REQUEST);
    }
    let mut close = head.version == Some(0);
    let (mut hosts, mut length, mut expects_continue) = (0, None, false);
    for header in head.headers {
        let value = std::str::from_utf8(header.value).map_err(|_| BAD_REQUEST)?;
        let has = |word: &str| value.split(',').any(|it| it.trim().eq_ignore_ascii_case(word));
        match header.name.to_ascii_lowercase().as_str() {
            "host" => hosts += 1,
            "connection" => close |= has("close"),
            "expect" => expects_continue |= has("100-continue"),
            // Passed over as if there were no body, it would end up in the next request.
            "transfer-encoding" => return Err("501 Not Implemented"),
            "content-length" => {
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                if !digits || length.is_some_and(|before| before != value) {
                    return Err(BAD_REQUEST);
                }
                length = Some(value);
            }
            _ => {}
        }
    }
    if hosts > 1 || (hosts == 0 && head.version == Some(1)) {
        return Err(BAD_REQUEST);
    }
    // Digits that no number can hold are too many as well.
    let body = length.map_or(Ok(0), str::parse).unwrap_or(usize::MAX);
    if body > LONGEST_BODY {
        return Err("413 Content Too Large");
    }
    let method = match method {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        _ => Method::Other,
    };
    let is_root = target.split('?').next() == Some("/");
    Ok(Some((end, Request { method, is_root, close, expects_continue, body })))
}
