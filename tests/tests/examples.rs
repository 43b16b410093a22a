//! The examples, driven as programs: each is started, talked to over loopback, and ended.
//!
//! Here those that stand by themselves; `examples_*.rs` have the others.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    process::Command,
    thread,
    time::Instant,
};

use lif_tests::example::{PATIENCE, Running, connect, program};

#[test]
fn echo_gives_back_what_two_clients_send() {
    let (_server, address) = Running::server("echo", &[]);
    let mut clients = [connect(address), connect(address)];
    for (client, text) in clients.iter_mut().zip(["one", "two"]) {
        let sent = text.repeat(10_000);
        let mut got = vec![0; sent.len()];
        thread::scope(|scope| {
            let mut writer = client.try_clone().unwrap();
            scope.spawn(move || writer.write_all(sent.as_bytes()).unwrap());
            client.read_exact(&mut got).unwrap();
        });
        assert_eq!(got, text.repeat(10_000).as_bytes());
    }
}

/// A member of the chat, by number.
struct Member {
    number: usize,
    lines: BufReader<TcpStream>,
}

impl Member {
    /// Returns when the room knows it.
    fn join(address: SocketAddr) -> Member {
        let mut lines = BufReader::new(connect(address));
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let number = line.strip_prefix("* ").and_then(|rest| rest.strip_suffix(" has come\n"));
        let number = number.unwrap_or_else(|| panic!("{line:?}")).parse().unwrap();
        Member { number, lines }
    }

    fn say(&mut self, text: &str) {
        self.lines.get_mut().write_all(format!("{text}\n").as_bytes()).unwrap();
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

#[test]
fn chat_brings_every_line_to_everybody_in_one_order() {
    const LINES: usize = 300;
    let (_server, address) = Running::server("chat", &[]);
    let mut members: Vec<Member> = Vec::new();
    for _ in 0..4 {
        let new = Member::join(address);
        for old in &mut members {
            assert_eq!(old.hear(), format!("* {} has come", new.number));
        }
        members.push(new);
    }
    let numbers: Vec<usize> = members.iter().map(|member| member.number).collect();
    let heard: Vec<Vec<String>> = thread::scope(|scope| {
        let all: Vec<_> = members
            .iter_mut()
            .map(|member| {
                scope.spawn(move || {
                    let mut heard = Vec::new();
                    // A few ahead of what was heard, so that no queue is ever full.
                    for line in 0..LINES {
                        member.say(&format!("line {line}"));
                        heard.extend((0..4).map(|_| member.hear()));
                    }
                    heard
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for other in &heard[1..] {
        assert_eq!(&heard[0], other);
    }
    for number in numbers {
        let said: Vec<_> = (0..LINES).map(|line| format!("{number}: line {line}")).collect();
        let prefix = format!("{number}: ");
        let kept: Vec<_> = heard[0].iter().filter(|line| line.starts_with(&prefix)).collect();
        assert_eq!(kept, said.iter().collect::<Vec<_>>());
    }
}

#[test]
fn chat_tells_who_has_gone_and_sends_the_rest_to_one_who_only_reads() {
    let (_server, address) = Running::server("chat", &[]);
    let (mut stays, mut goes) = (Member::join(address), Member::join(address));
    assert_eq!(stays.hear(), format!("* {} has come", goes.number));
    goes.say("bye");
    goes.lines.get_ref().shutdown(Shutdown::Write).unwrap();
    assert_eq!(goes.hear(), format!("{}: bye", goes.number));
    assert_eq!(goes.hear(), "", "the server closes when all is sent");
    assert_eq!(stays.hear(), format!("{}: bye", goes.number));
    assert_eq!(stays.hear(), format!("* {} has gone", goes.number));
}

#[test]
fn chat_disconnects_a_member_that_does_not_read() {
    let (_server, address) = Running::server("chat", &[]);
    let (mut talker, deaf) = (Member::join(address), Member::join(address));
    talker.hear();
    let gone = format!("* {} has gone", deaf.number);
    let text = "x".repeat(4000);
    let end = Instant::now() + PATIENCE;
    loop {
        talker.say(&text);
        if talker.hear() == gone {
            break;
        }
        assert!(Instant::now() < end, "the deaf member is still there");
    }
    talker.say("still here");
    let own = format!("{}: still here", talker.number);
    while talker.hear() != own {}
}

/// Reads one answer: its status, its headers in lower case, its body.
fn answer(reader: &mut impl BufRead, has_body: bool) -> (String, String, String) {
    let (mut status, mut headers, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut status).unwrap();
    loop {
        let mut line = String::new();
        assert_ne!(reader.read_line(&mut line).unwrap(), 0, "an answer breaks off: {headers}");
        if line == "\r\n" {
            break;
        }
        let line = line.to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        headers.push_str(&line);
    }
    let mut body = vec![0; if has_body { length } else { 0 }];
    reader.read_exact(&mut body).unwrap();
    let status = status.trim_end().strip_prefix("HTTP/1.1 ").expect("an HTTP answer").to_owned();
    (status, headers, String::from_utf8(body).unwrap())
}

fn assert_closed(reader: &mut impl BufRead) {
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(String::from_utf8_lossy(&rest), "");
}

const GET: &str = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn http_keeps_a_connection_alive_and_answers_pipelined_requests_in_order() {
    let (_server, address) = Running::server("http", &[]);
    let mut client = BufReader::new(connect(address));
    for _ in 0..3 {
        client.get_mut().write_all(GET.as_bytes()).unwrap();
        let (status, headers, body) = answer(&mut client, true);
        assert_eq!(status, "200 OK");
        assert!(!headers.contains("connection: close"));
        assert!(body.contains("coroutine"));
    }
    let head = "HEAD /?q HTTP/1.1\r\nhost:x\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nGET /no HTTP/1.1\r\n";
    let none = "GET /none HTTP/1.1\r\nHost: x\r\n\r\n";
    let last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n";
    let all = [GET, head, post, "\r\n", none, last, GET].concat();
    client.get_mut().write_all(all.as_bytes()).unwrap();
    assert_eq!(answer(&mut client, true).0, "200 OK");
    assert_eq!(answer(&mut client, false).0, "200 OK");
    let (status, headers, _) = answer(&mut client, true);
    assert_eq!(status, "405 Method Not Allowed");
    assert!(headers.contains("allow: get, head"));
    assert_eq!(answer(&mut client, true).0, "404 Not Found");
    let (status, headers, _) = answer(&mut client, true);
    assert_eq!(status, "200 OK");
    assert!(headers.contains("connection: close"));
    assert_closed(&mut client);
}

#[test]
fn http_understands_a_request_that_comes_a_byte_at_a_time() {
    let (_server, address) = Running::server("http", &[]);
    let mut client = BufReader::new(connect(address));
    client.get_ref().set_nodelay(true).unwrap();
    for byte in GET.bytes() {
        client.get_mut().write_all(&[byte]).unwrap();
    }
    assert_eq!(answer(&mut client, true).0, "200 OK");
}

#[test]
fn http_refuses_what_it_cannot_understand_and_ends_the_connection() {
    let (_server, address) = Running::server("http", &[]);
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "a".repeat(9000));
    for (request, status) in [
        ("nonsense\r\n\r\n", "400 Bad Request"),
        ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400 Bad Request"),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "400 Bad Request",
        ),
        ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505 HTTP Version Not Supported"),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "501 Not Implemented"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            "413 Content Too Large",
        ),
        (&long, "431 Request Header Fields Too Large"),
    ] {
        let mut client = BufReader::new(connect(address));
        client.get_mut().write_all(request.as_bytes()).unwrap();
        client.get_mut().write_all(GET.as_bytes()).unwrap();
        let (got, headers, _) = answer(&mut client, true);
        assert_eq!(got, status, "{request:?}");
        assert!(headers.contains("connection: close"), "{request:?}");
        client.get_ref().shutdown(Shutdown::Write).unwrap();
        assert_closed(&mut client);
    }
}

#[test]
fn http_ends_a_connection_whose_request_takes_too_long_and_serves_others_meanwhile() {
    let (_server, address) = Running::server("http", &["0.3"]);
    let mut slow = BufReader::new(connect(address));
    slow.get_mut().write_all(b"GET / HTTP/1.1\r\nHost:").unwrap();
    let mut other = BufReader::new(connect(address));
    other.get_mut().write_all(GET.as_bytes()).unwrap();
    assert_eq!(answer(&mut other, true).0, "200 OK");
    assert_eq!(answer(&mut slow, true).0, "408 Request Timeout");
}

#[test]
fn http_is_understood_by_curl() {
    let (_server, address) = Running::server("http", &[]);
    let url = format!("http://{address}/");
    let curl = |args: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "20"]);
        command.args(args).output()
    };
    let Ok(done) = curl(&[&url, &url]) else {
        println!("curl is not installed: nothing was checked");
        return;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    assert_eq!(text.matches("coroutine").count(), 2);
    let done =
        curl(&["--data", "x=y", "--output", "/dev/null", "--write-out", "%{http_code}", &url]);
    assert_eq!(done.unwrap().stdout, b"405");
}

#[test]
fn embed_does_its_work_and_ends_by_itself() {
    let mut program = Running::start("embed", &[]);
    let mut text = String::new();
    while let Ok(line) = program.lines.recv_timeout(PATIENCE) {
        text.push_str(&line);
        text.push('\n');
    }
    assert!(program.wait().success(), "{text}");
    assert!(text.contains("300 lines came back"), "{text}");
    assert!(text.contains("stopped after"), "{text}");
}

#[test]
fn an_address_that_cannot_be_bound_is_an_error_and_not_a_panic() {
    for name in ["echo", "chat", "http", "proxy", "crawler", "redis", "tls", "websocket"] {
        let mut command = Command::new(program(name));
        let done = command.arg("no port").output().unwrap();
        assert_eq!(done.status.code(), Some(1), "{name}");
        assert!(String::from_utf8_lossy(&done.stderr).starts_with("Error: "), "{name}");
    }
}
