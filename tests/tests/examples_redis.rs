//! The Redis server as a program, by the bytes of its protocol.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use lif_tests::example::{PATIENCE, Running, connect};

fn server() -> (Running, SocketAddr) {
    Running::server("redis", &[])
}

/// A command as clients send it.
fn command(words: &[&str]) -> String {
    let words = words.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", words.len(), words.collect::<String>())
}

/// Sends, and reads as much as is expected.
fn ask(client: &mut TcpStream, sent: &str, expected: &str) {
    client.write_all(sent.as_bytes()).unwrap();
    let mut got = vec![0; expected.len()];
    client.read_exact(&mut got).unwrap();
    assert_eq!(String::from_utf8_lossy(&got), expected, "to {sent:?}");
}

#[test]
fn redis_answers_each_command_as_redis_does() {
    let (_server, address) = server();
    let mut client = connect(address);
    for (words, answer) in [
        (&["PING"][..], "+PONG\r\n"),
        (&["ping", "hello"], "$5\r\nhello\r\n"),
        (&["ECHO", "two\r\nlines"], "$10\r\ntwo\r\nlines\r\n"),
        (&["GET", "a"], "$-1\r\n"),
        (&["SET", "a", ""], "+OK\r\n"),
        (&["GET", "a"], "$0\r\n\r\n"),
        (&["SET", "a", "text"], "+OK\r\n"),
        (&["INCR", "a"], "-ERR value is not an integer or out of range\r\n"),
        (&["INCR", "n"], ":1\r\n"),
        (&["INCR", "n"], ":2\r\n"),
        (&["GET", "n"], "$1\r\n2\r\n"),
        (&["SET", "n", "9223372036854775807"], "+OK\r\n"),
        (&["INCR", "n"], "-ERR increment or decrement would overflow\r\n"),
        (&["EXISTS", "a", "n", "x", "a"], ":3\r\n"),
        (&["DBSIZE"], ":2\r\n"),
        (&["TTL", "a"], ":-1\r\n"),
        (&["TTL", "x"], ":-2\r\n"),
        (&["EXPIRE", "x", "5"], ":0\r\n"),
        (&["EXPIRE", "a", "100"], ":1\r\n"),
        (&["TTL", "a"], ":100\r\n"),
        (&["SET", "a", "b"], "+OK\r\n"),
        (&["TTL", "a"], ":-1\r\n"),
        (&["SET", "a", "b", "EX", "1000"], "+OK\r\n"),
        (&["TTL", "a"], ":1000\r\n"),
        (&["EXPIRE", "a", "-1"], ":1\r\n"),
        (&["GET", "a"], "$-1\r\n"),
        (&["SET", "a", "b", "EX", "0"], "-ERR invalid expire time in 'set' command\r\n"),
        (&["SET", "a", "b", "ZX", "1"], "-ERR syntax error\r\n"),
        (&["SET", "a", "b", "EX"], "-ERR syntax error\r\n"),
        (&["DEL", "a", "n"], ":1\r\n"),
        (&["GET"], "-ERR wrong number of arguments for 'get' command\r\n"),
        (&["FLY\r\n+OK"], "-ERR unknown command 'FLY  +OK'\r\n"),
        (&["COMMAND", "DOCS"], "*0\r\n"),
        (&["CONFIG", "GET", "save"], "*0\r\n"),
    ] {
        ask(&mut client, &command(words), answer);
    }
    ask(&mut client, &command(&["QUIT"]), "+OK\r\n");
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
}

#[test]
fn redis_keys_expire() {
    let (_server, address) = server();
    let mut client = connect(address);
    ask(&mut client, &command(&["SET", "k", "v", "px", "50"]), "+OK\r\n");
    let end = Instant::now() + PATIENCE;
    loop {
        client.write_all(command(&["EXISTS", "k"]).as_bytes()).unwrap();
        let mut got = [0; 4];
        client.read_exact(&mut got).unwrap();
        if &got == b":0\r\n" {
            break;
        }
        assert!(Instant::now() < end, "it is still there");
        thread::sleep(Duration::from_millis(5));
    }
    // The next INCR begins anew.
    ask(&mut client, &command(&["INCR", "k"]), ":1\r\n");
    // Nobody asks for this one: the sweep finds it.
    ask(&mut client, &command(&["SET", "swept", "v", "PX", "1"]), "+OK\r\n");
    let end = Instant::now() + PATIENCE;
    let mut got = [0; 4];
    while &got != b":1\r\n" {
        assert!(Instant::now() < end, "it was not swept");
        client.write_all(command(&["DBSIZE"]).as_bytes()).unwrap();
        client.read_exact(&mut got).unwrap();
    }
}

#[test]
fn redis_answers_pipelined_inline_and_broken_up_commands_in_order() {
    let (_server, address) = server();
    let mut client = connect(address);
    client.set_nodelay(true).unwrap();
    let many = command(&["INCR", "n"]).repeat(5000);
    let answers: String = (1..=5000).map(|n| format!(":{n}\r\n")).collect();
    thread::scope(|scope| {
        let mut writer = client.try_clone().unwrap();
        scope.spawn(move || writer.write_all(many.as_bytes()).unwrap());
        ask(&mut client, "", &answers);
    });
    ask(&mut client, "PING\r\n\r\n  set a  b \r\nget a\n", "+PONG\r\n+OK\r\n$1\r\nb\r\n");
    for byte in command(&["GET", "a"]).bytes() {
        client.write_all(&[byte]).unwrap();
    }
    ask(&mut client, "", "$1\r\nb\r\n");
    // The answer to a whole command does not wait for the rest of the next one.
    ask(&mut client, "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPI", "+PONG\r\n");
    ask(&mut client, "NG\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4\r\n", "+PONG\r\n+PONG\r\n");
    ask(&mut client, "PING\r\n", "+PONG\r\n");
    let big = "x".repeat(1 << 20);
    let answer = format!("+OK\r\n${}\r\n{big}\r\n", big.len());
    ask(&mut client, &(command(&["SET", "big", &big]) + &command(&["GET", "big"])), &answer);
}

#[test]
fn redis_counts_exactly_what_many_clients_increment() {
    let (_server, address) = server();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = connect(address);
                client.write_all(command(&["INCR", "n"]).repeat(500).as_bytes()).unwrap();
                client.shutdown(Shutdown::Write).unwrap();
                let mut all = String::new();
                client.read_to_string(&mut all).unwrap();
                assert_eq!(all.lines().count(), 500);
            });
        }
    });
    ask(&mut connect(address), &command(&["GET", "n"]), "$4\r\n4000\r\n");
}

#[test]
fn redis_refuses_what_is_no_command_or_too_long_and_closes() {
    let (_server, address) = server();
    for (sent, why) in [
        ("*x\r\n", "invalid multibulk length"),
        ("*-1\r\n", "invalid multibulk length"),
        ("*1000000\r\n", "invalid multibulk length"),
        ("*1\r\nPING\r\n", "expected '$'"),
        ("*1\r\n$99999999999\r\n", "invalid bulk length"),
        ("*1\r\n$1\r\nabc", "expected a line end after the string"),
        (&"x".repeat(64 * 1024), "too big inline request"),
    ] {
        let mut client = connect(address);
        client.write_all(sent.as_bytes()).unwrap();
        let mut all = String::new();
        client.read_to_string(&mut all).unwrap();
        assert_eq!(all, format!("-ERR Protocol error: {why}\r\n"));
    }
    ask(&mut connect(address), "PING\r\n", "+PONG\r\n");
}
