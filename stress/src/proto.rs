//! What the processes of a run say to each other: a command a line, and a line of JSON back.
//!
//! Owns the words and the child's side of the conversation. The coordinator asks, a child answers
//! and never speaks first, so there is nothing to keep in order.

use std::io::{self, BufRead, Write};

use serde_json::{Value, json};

use crate::failure::Counts;

/// What a child can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Say that you are ready.
    Hello,
    /// Connect (a client process).
    Connect,
    /// Send (a client process, in scenarios where all connect first).
    Go,
    /// Spawn the coroutines (a crowd).
    Spawn,
    /// Wake them all, for what comes next (a crowd).
    Wake,
    /// Let them end (a crowd that is still there).
    Release,
    /// Say how far you are.
    Sample,
    /// The same, with what takes longer to find out.
    Survey,
    /// Close all connections (a client process).
    Close,
    /// Say what came of it all, then end.
    Finish,
}

const WORDS: [(Command, &str); 10] = [
    (Command::Hello, "hello"),
    (Command::Connect, "connect"),
    (Command::Go, "go"),
    (Command::Spawn, "spawn"),
    (Command::Wake, "wake"),
    (Command::Release, "release"),
    (Command::Sample, "sample"),
    (Command::Survey, "survey"),
    (Command::Close, "close"),
    (Command::Finish, "finish"),
];

impl Command {
    /// The line that carries it, without the line's end.
    pub(crate) fn word(self) -> &'static str {
        let row = WORDS.iter().find(|&&(command, _)| command == self);
        row.expect("every command has a word").1
    }

    /// The command of a line.
    pub(crate) fn parse(line: &str) -> Option<Command> {
        WORDS.iter().find(|&&(_, word)| word == line.trim()).map(|&(command, _)| command)
    }
}

/// Answers commands from standard input until [`Command::Finish`] has been answered.
///
/// # Errors
///
/// The coordinator is gone or says what no coordinator says: the process should end at once.
pub(crate) fn answer(mut reply_to: impl FnMut(Command) -> Value) -> io::Result<()> {
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let command = Command::parse(&line).ok_or_else(|| io::Error::other("no such command"))?;
        // One write for the whole line, so that the reader wakes once.
        output.write_all(format!("{}\n", reply_to(command)).as_bytes())?;
        output.flush()?;
        if command == Command::Finish {
            return Ok(());
        }
    }
    Err(io::Error::other("the coordinator is gone"))
}

/// A number of a reply; 0 if it is not there.
pub(crate) fn number(reply: &Value, name: &str) -> u64 {
    reply.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// How far a client process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientSample {
    /// Clients that have connected or failed to; in churn, those that have begun.
    pub(crate) tried: u64,
    /// Connections open now.
    pub(crate) open: u64,
    /// Replies verified.
    pub(crate) verified: u64,
    /// Clients that are through, well or not.
    pub(crate) settled: u64,
    /// Of those, the ones that are not well.
    pub(crate) failed: u64,
}

impl ClientSample {
    pub(crate) fn to_json(self) -> Value {
        json!({
            "tried": self.tried, "open": self.open, "verified": self.verified,
            "settled": self.settled, "failed": self.failed,
        })
    }

    pub(crate) fn from_json(reply: &Value) -> ClientSample {
        ClientSample {
            tried: number(reply, "tried"),
            open: number(reply, "open"),
            verified: number(reply, "verified"),
            settled: number(reply, "settled"),
            failed: number(reply, "failed"),
        }
    }

    /// Adds another process.
    pub(crate) fn merge(&mut self, other: &ClientSample) {
        self.tried += other.tried;
        self.open += other.open;
        self.verified += other.verified;
        self.settled += other.settled;
        self.failed += other.failed;
    }
}

/// How the server is. The fields after `peak` are there after [`Command::Survey`] and
/// [`Command::Finish`], and 0 where the system does not tell them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerSample {
    /// Connections open now.
    pub(crate) open: u64,
    /// Most connections open at the same moment.
    pub(crate) peak: u64,
    /// Resident memory, in KiB.
    pub(crate) rss_kib: u64,
    /// The most it ever was.
    pub(crate) rss_peak_kib: u64,
    /// Processor time since it was ready.
    pub(crate) cpu_ms: u64,
    /// Open descriptors.
    pub(crate) descriptors: u64,
    /// Coroutines that live now.
    pub(crate) coroutines: u64,
    /// Coroutines that were ever started.
    pub(crate) spawned: u64,
    /// Connections accepted.
    pub(crate) accepted: u64,
    /// Bytes sent back.
    pub(crate) echoed: u64,
    /// Failures of `accept` and of handlers.
    pub(crate) failures: Counts,
}

impl ServerSample {
    pub(crate) fn to_json(self) -> Value {
        json!({
            "open": self.open, "peak": self.peak, "rss_kib": self.rss_kib,
            "rss_peak_kib": self.rss_peak_kib, "cpu_ms": self.cpu_ms,
            "descriptors": self.descriptors, "coroutines": self.coroutines,
            "spawned": self.spawned, "accepted": self.accepted, "echoed": self.echoed,
            "failures": self.failures.to_json(),
        })
    }

    pub(crate) fn from_json(reply: &Value) -> ServerSample {
        ServerSample {
            open: number(reply, "open"),
            peak: number(reply, "peak"),
            rss_kib: number(reply, "rss_kib"),
            rss_peak_kib: number(reply, "rss_peak_kib"),
            cpu_ms: number(reply, "cpu_ms"),
            descriptors: number(reply, "descriptors"),
            coroutines: number(reply, "coroutines"),
            spawned: number(reply, "spawned"),
            accepted: number(reply, "accepted"),
            echoed: number(reply, "echoed"),
            failures: Counts::from_json(&reply["failures"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    #[test]
    fn every_command_survives_the_line() {
        for (command, _) in WORDS {
            assert_eq!(Command::parse(&format!("{}\n", command.word())), Some(command));
        }
        assert_eq!(Command::parse("sing"), None);
    }

    #[test]
    fn samples_survive_the_line() {
        let client = ClientSample { tried: 1, open: 2, verified: 3, settled: 4, failed: 5 };
        let line = client.to_json().to_string();
        assert!(!line.contains('\n'));
        let reply = serde_json::from_str(&line).unwrap();
        assert_eq!(ClientSample::from_json(&reply), client);

        let mut server = ServerSample { open: 1, peak: 2, rss_kib: 3, ..Default::default() };
        server.failures.add(Kind::Emfile, 7);
        server.echoed = u64::MAX;
        let reply = serde_json::from_str(&server.to_json().to_string()).unwrap();
        assert_eq!(ServerSample::from_json(&reply), server);
    }

    #[test]
    fn samples_of_several_processes_add_up() {
        let mut sum = ClientSample::default();
        let part = ClientSample { tried: 1, open: 2, verified: 3, settled: 4, failed: 5 };
        sum.merge(&part);
        sum.merge(&part);
        assert_eq!(sum.verified, 6);
        assert_eq!((sum.tried, sum.open, sum.settled, sum.failed), (2, 4, 8, 10));
    }
}
