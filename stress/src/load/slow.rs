//! Peers that misbehave, and the others that must not suffer.
//!
//! A peer that stops reading fills the buffers between itself and the server until the server's
//! write waits; one that dribbles sends a byte at a time. The well-behaved ones begin when the
//! former have come to a halt, so that every one of their round trips happens beside them.

use std::io::{self, Write};
use std::time::Duration;

use super::talk::Talk;
use crate::client::{Clients, Link};
use crate::failure::{Failure, Kind};

/// Each of them fills some MiB of the kernel's memory, so there are not more.
const MOST_STALLED: u32 = 32;

/// A write that takes this long has come to a halt.
const HALT: Duration = Duration::from_millis(250);

/// A server that takes so much without being read from must be hoarding it.
const MOST_TAKEN: usize = 64 << 20;

/// From one byte of a dribbler to the next.
const PAUSE: Duration = Duration::from_millis(2);

/// A dribbler's message is not longer than this, or it would never end.
const DRIBBLED: usize = 256;

/// How a client of the slow scenario behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// As in the echo scenario.
    Well,
    /// Sends, and never reads.
    Stalls,
    /// Sends one message, a byte at a time.
    Dribbles,
}

impl Role {
    /// What client `id` is: of ten, one stalls (of the first few hundred) and one dribbles.
    pub(crate) fn of(id: u32) -> Role {
        match id % 10 {
            0 if id / 10 < MOST_STALLED => Role::Stalls,
            0 | 5 => Role::Dribbles,
            _ => Role::Well,
        }
    }

    /// How many replies it owes, where a well-behaved client owes `messages`.
    pub(crate) fn messages(self, messages: u32) -> u64 {
        match self {
            Role::Well => u64::from(messages),
            Role::Stalls => 0,
            Role::Dribbles => 1,
        }
    }
}

/// Starts the slow peers, waits until those that stall have stalled, then starts the others.
pub(super) fn start(clients: &'static Clients, links: Vec<Link>) {
    let mut well = Vec::new();
    for link in links {
        match Role::of(link.id) {
            Role::Well => well.push(link),
            Role::Dribbles => clients.start(move || dribble(clients, link)),
            Role::Stalls => {
                clients.stalling.add(1);
                clients.start(move || {
                    let end = stall(clients, link);
                    clients.stalling.sub(1);
                    end
                });
            }
        }
    }
    while clients.stalling.get() > 0 {
        lif::sleep(Duration::from_millis(5));
    }
    for link in well {
        clients.start(move || super::exchange(clients, link));
    }
}

fn dribble(clients: &'static Clients, link: Link) -> Result<(), Failure> {
    Talk::new(clients, clients.size.min(DRIBBLED), 1).dribble(&link, 0, PAUSE)?;
    clients.keep(link);
    Ok(())
}

/// Writes until nothing more is taken, then leaves the connection as it is.
fn stall(clients: &'static Clients, link: Link) -> Result<(), Failure> {
    let part = vec![0x5a; 64 * 1024];
    let mut stream = &*link.stream;
    stream
        .set_write_timeout(Some(HALT))
        .map_err(|error| Failure::from_io("set_write_timeout", &error))?;
    let mut taken = 0;
    while taken < MOST_TAKEN {
        match stream.write(&part) {
            Ok(n) => taken += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) =>
            {
                clients.stalled.add(1);
                clients.keep(link);
                return Ok(());
            }
            Err(error) => return Err(Failure::from_io("write of a peer that stalls", &error)),
        }
    }
    Err(Failure::new(Kind::Other, format!("the server took {taken} bytes and was never read from")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_stalls_up_to_a_limit_and_a_tenth_or_more_dribbles() {
        let count = |clients, role| (0..clients).filter(|&id| Role::of(id) == role).count();
        assert_eq!(count(100, Role::Stalls), 10);
        assert_eq!(count(100, Role::Dribbles), 10);
        assert_eq!(count(10_000, Role::Stalls), MOST_STALLED as usize);
        assert_eq!(count(10_000, Role::Well), 8_000);
    }

    #[test]
    fn two_clients_are_one_that_stalls_and_one_that_is_well() {
        assert_eq!((Role::of(0), Role::of(1)), (Role::Stalls, Role::Well));
    }
}
