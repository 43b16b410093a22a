//! The loads: what a connected client says, by scenario.
//!
//! Chooses which load a client runs, and holds the short ones. How a message is sent and checked
//! is in `talk`, peers that misbehave are in `slow`.

pub(crate) mod slow;
mod talk;

use std::time::Instant;

use crate::client::{Clients, Link};
use crate::failure::Failure;
use crate::scenario::{Load, Scenario};
use talk::Talk;

/// How many replies a run must bring, all clients together.
pub(crate) fn expected(scenario: &Scenario, clients: u32, messages: u32) -> u64 {
    match scenario.load {
        Load::Exchange | Load::Churn => u64::from(clients) * u64::from(messages),
        Load::Park | Load::Sleep => 0,
        Load::Slow => (0..clients).map(|id| slow::Role::of(id).messages(messages)).sum(),
    }
}

/// Starts one coroutine for each client that is connected. Runs in a coroutine itself.
pub(crate) fn start(clients: &'static Clients, links: Vec<Link>) {
    if clients.scenario.load == Load::Slow {
        slow::start(clients, links);
        return;
    }
    for link in links {
        clients.start(move || exchange(clients, link));
    }
}

/// Sends all messages, a window at a time, and reads each window back before the next.
fn exchange(clients: &'static Clients, link: Link) -> Result<(), Failure> {
    let window = clients.scenario.window(clients.size);
    let mut talk = Talk::new(clients, clients.size, window);
    let mut first = 0;
    while first < clients.messages {
        let count = window.min(clients.messages - first);
        talk.exchange(&link, first, count, Instant::now())?;
        first += count;
    }
    drop(talk);
    clients.keep(link);
    Ok(())
}

/// Connects for each message anew. The time of a round trip includes the connection.
pub(crate) fn churn(clients: &'static Clients, id: u32) -> Result<(), Failure> {
    let mut talk = Talk::new(clients, clients.size, 1);
    for message in 0..clients.messages {
        let since = Instant::now();
        let link = clients.connect(id)?;
        talk.exchange(&link, message, 1, since)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_of_an_exchange_owes_all_its_messages() {
        let echo = Scenario::named("echo").unwrap();
        assert_eq!(expected(echo, 10_000, 100), 1_000_000);
        let churn = Scenario::named("churn").unwrap();
        assert_eq!(expected(churn, 100_000, 100_000), 10_000_000_000);
    }

    #[test]
    fn slow_peers_owe_fewer() {
        let slow = Scenario::named("slow").unwrap();
        // Ids 0 and 10 stop reading, 5 and 15 dribble one message, 16 are well.
        assert_eq!(expected(slow, 20, 7), 16 * 7 + 2);
    }
}
