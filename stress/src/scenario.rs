//! The table of scenarios: what each one does, what it starts with and what it must show.
//!
//! One row for each name that `--scenario` takes. The loads themselves are in `load`.

use std::time::Duration;

/// What the clients of a scenario do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// Send windows of messages and read them back, all clients connected at once.
    Exchange,
    /// Connect, exchange one message, close, and again.
    Churn,
    /// As `Exchange`, beside peers that stop reading or send a byte at a time.
    Slow,
    /// No connections: coroutines that park, are woken, and end.
    Park,
    /// No connections: coroutines that sleep, all at once, until deadlines at random.
    Sleep,
}

impl Load {
    /// Whether it is a crowd of coroutines in one process, without a server and without clients.
    pub(crate) fn crowd(self) -> bool {
        matches!(self, Load::Park | Load::Sleep)
    }
}

/// One row.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// As on the command line.
    pub(crate) name: &'static str,
    /// What it does, for the help and the report.
    pub(crate) about: &'static str,
    /// What its clients do.
    pub(crate) load: Load,
    /// Messages per client when none are asked for.
    pub(crate) messages: u32,
    /// Whether nobody sends before everybody is connected; "all at once" is then required.
    pub(crate) together: bool,
    /// Whether `--hold` comes before the messages instead of after them.
    pub(crate) hold_first: bool,
    /// The most bytes that a client has under way before it reads.
    pub(crate) window: usize,
    /// The fewest clients that make sense.
    pub(crate) least_clients: u32,
    /// The most resident bytes a connection may cost the server, from [`MEMORY_CLIENTS`] on.
    pub(crate) memory: Option<u64>,
    /// What 99 % of the round trips must not exceed.
    pub(crate) p99: Option<Duration>,
}

/// With fewer clients, what the server needs once weighs too much in "bytes a connection".
pub(crate) const MEMORY_CLIENTS: u32 = 1000;

/// Messages in a window, at most.
const WINDOW_MESSAGES: usize = 64;

/// What a row of a crowd leaves open: it has neither clients nor messages.
const CROWD: Scenario = Scenario {
    name: "",
    about: "",
    load: Load::Park,
    messages: 1,
    together: false,
    hold_first: false,
    window: 0,
    least_clients: 1,
    memory: None,
    p99: None,
};

/// Every scenario; the first is the default.
pub(crate) static SCENARIOS: [Scenario; 7] = [
    Scenario {
        name: "echo",
        about: "connect all, then each client sends a message and waits for it to come back",
        load: Load::Exchange,
        messages: 1,
        together: true,
        hold_first: false,
        window: 0,
        least_clients: 1,
        memory: None,
        p99: None,
    },
    Scenario {
        name: "churn",
        about: "each client connects, exchanges one message, closes, and begins again",
        load: Load::Churn,
        messages: 10,
        together: false,
        hold_first: false,
        window: 0,
        least_clients: 1,
        memory: None,
        p99: None,
    },
    Scenario {
        name: "idle",
        about: "connections that only exist; what each costs the server, then one message each",
        load: Load::Exchange,
        messages: 1,
        together: true,
        hold_first: true,
        window: 0,
        least_clients: 1,
        memory: Some(8 * 1024),
        p99: None,
    },
    Scenario {
        name: "slow",
        about: "a tenth of the peers stops reading, a tenth sends a byte at a time",
        load: Load::Slow,
        messages: 20,
        together: true,
        hold_first: false,
        window: 0,
        least_clients: 2,
        memory: None,
        p99: Some(Duration::from_secs(1)),
    },
    Scenario {
        name: "pipeline",
        about: "each client writes many messages before it reads the first reply",
        load: Load::Exchange,
        messages: 100,
        together: true,
        hold_first: false,
        window: 8 * 1024,
        least_clients: 1,
        memory: None,
        p99: None,
    },
    Scenario {
        name: "park",
        about: "no connections: coroutines that are spawned, park, are woken, and end",
        load: Load::Park,
        ..CROWD
    },
    Scenario {
        name: "sleep",
        about: "no connections: coroutines all asleep at once, each with a deadline of its own",
        load: Load::Sleep,
        ..CROWD
    },
];

impl Scenario {
    /// The one of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    /// How many messages of `size` bytes a client sends before it reads: one or more.
    pub(crate) fn window(&self, size: usize) -> u32 {
        (self.window / size).clamp(1, WINDOW_MESSAGES) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for scenario in &SCENARIOS {
            assert!(std::ptr::eq(Scenario::named(scenario.name).unwrap(), scenario));
        }
        assert!(Scenario::named("nothing").is_none());
    }

    #[test]
    fn only_the_pipeline_has_more_than_one_message_under_way() {
        for scenario in &SCENARIOS {
            let expected = if scenario.name == "pipeline" { 64 } else { 1 };
            assert_eq!(scenario.window(64), expected, "{}", scenario.name);
        }
        let pipeline = Scenario::named("pipeline").unwrap();
        assert_eq!(pipeline.window(4096), 2);
        assert_eq!(pipeline.window(1 << 20), 1);
        assert_eq!(pipeline.window(1), 64);
    }
}
