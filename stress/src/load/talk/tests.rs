//! What a client makes of servers that do not do as they should.

use std::io::{Read as _, Write as _};
use std::net;
use std::thread;

use super::*;
use crate::args::{Cli, Role};

const SIZE: usize = 64;

/// A server for one connection: reads `messages` of them, then writes what `reply` makes of them
/// and closes.
fn server(messages: usize, reply: fn(Vec<u8>) -> Vec<u8>) -> u16 {
    let listener = net::TcpListener::bind((net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // Ends with the connection, which lasts no longer than the test.
    thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut bytes = vec![0; messages * SIZE];
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&reply(bytes)).unwrap();
    });
    port
}

/// Sends a window of `count` messages to such a server.
fn talk(count: u32, reply: fn(Vec<u8>) -> Vec<u8>) -> Result<(), Kind> {
    let port = server(count as usize, reply);
    let line = format!(
        "lif-stress client --parent 1 --alarm 1 --workers 1 --size {SIZE} --ports {port} \
         --clients 9 --messages 10 --batch 1 --batch-delay 0 --scenario echo --part 0 --parts 1"
    );
    let Some(Role::Client(args)) = Cli::from(line.split_whitespace()).unwrap().role else {
        panic!("a client's command line");
    };
    let clients: &'static Clients = Box::leak(Box::new(Clients::new(args)));
    let link = clients.connect(7).unwrap();
    let mut talk = Talk::new(clients, SIZE, count);
    let end = talk.exchange(&link, 2, count, Instant::now());
    end.map_err(|failure| failure.kind)
}

#[test]
fn an_echo_is_verified() {
    assert_eq!(talk(3, |bytes| bytes), Ok(()));
}

#[test]
fn a_changed_bit_is_corrupt() {
    let changed = |mut bytes: Vec<u8>| {
        bytes[SIZE + 40] ^= 4;
        bytes
    };
    assert_eq!(talk(3, changed), Err(Kind::Corrupt));
}

#[test]
fn two_replies_swapped_are_reordered() {
    let swapped = |bytes: Vec<u8>| [&bytes[SIZE..], &bytes[..SIZE]].concat();
    assert_eq!(talk(2, swapped), Err(Kind::Reordered));
}

#[test]
fn a_reply_given_twice_is_surplus() {
    let twice = |bytes: Vec<u8>| [&bytes[..], &bytes[..]].concat();
    assert_eq!(talk(1, twice), Err(Kind::Surplus));
}

#[test]
fn a_reply_that_ends_early_is_short() {
    let early = |mut bytes: Vec<u8>| {
        bytes.truncate(2 * SIZE - 1);
        bytes
    };
    assert_eq!(talk(2, early), Err(Kind::Short));
}

#[test]
fn nobody_there_is_refused() {
    let listener = net::TcpListener::bind((net::Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = lif::net::TcpStream::connect((net::Ipv4Addr::LOCALHOST, port)).unwrap_err();
    assert_eq!(Failure::from_io("connect", &error).kind, Kind::Refused);
}
