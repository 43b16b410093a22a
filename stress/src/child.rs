//! A process that the coordinator started: to be asked, and never to be left behind.
//!
//! Owns the process, its pipes and its end. Three things end it, whichever comes first: dropping
//! this value, the end of its standard input, and (on Linux) the death of its parent.

use std::io::{BufRead, BufReader, Write};
use std::process::{self, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, io};

use serde_json::Value;

use crate::args::ChildArgs;
use crate::proto::Command;
use crate::sys;

/// How long a child may take to answer: it does so on a thread that never waits for its load.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);

/// How long a child may take to end after it has answered for the last time.
pub(crate) const FAREWELL: Duration = Duration::from_secs(2);

/// A child process.
#[derive(Debug)]
pub(crate) struct Child {
    name: String,
    process: process::Child,
    input: Option<ChildStdin>,
    replies: Receiver<String>,
}

impl Child {
    /// Starts this program once more, as `line` says.
    pub(crate) fn start(name: &str, line: &[String]) -> io::Result<Child> {
        let mut process = process::Command::new(env::current_exe()?)
            .args(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = process.stdin.take();
        let output = process.stdout.take().expect("standard output was asked for");
        let (sender, replies) = channel();
        // Ends with the process whose output it reads.
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Child { name: name.to_owned(), process, input, replies })
    }

    /// Says `command` and returns the reply.
    ///
    /// # Errors
    ///
    /// Words for the report: the child has ended, or is silent.
    pub(crate) fn ask(&mut self, command: Command) -> Result<Value, String> {
        self.tell(command)?;
        self.listen()
    }

    /// Says `command`, whose reply [`Child::listen`] returns: so several are asked at once.
    pub(crate) fn tell(&mut self, command: Command) -> Result<(), String> {
        let line = format!("{}\n", command.word());
        let written = match &mut self.input {
            Some(input) => input.write_all(line.as_bytes()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        written.map_err(|_| self.how_it_ended())
    }

    /// The reply to the last command.
    pub(crate) fn listen(&mut self) -> Result<Value, String> {
        match self.replies.recv_timeout(ANSWER) {
            Ok(line) => serde_json::from_str(&line)
                .map_err(|error| format!("the {} said {line:?}: {error}", self.name)),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("the {} did not answer for {} s", self.name, ANSWER.as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.how_it_ended()),
        }
    }

    /// Waits for a while for the end of a child that has answered [`Command::Finish`].
    ///
    /// # Errors
    ///
    /// Words for the report: it did not end well, or not at all, and was killed.
    pub(crate) fn part(mut self, patience: Duration) -> Result<(), String> {
        match self.wait(patience) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("the {} ended with {status}", self.name)),
            None => Err(format!("the {} did not end and was killed", self.name)),
        }
    }

    fn how_it_ended(&mut self) -> String {
        match self.wait(FAREWELL) {
            Some(status) => format!("the {} ended too early, with {status}", self.name),
            None => format!("the {} closed its side and did not end", self.name),
        }
    }

    fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        self.input = None;
        let until = Instant::now() + patience;
        loop {
            match self.process.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.input = None;
        // Both fail only if it has ended and been waited for, which is what they are for.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What a child does before anything else: it makes sure of its end, and takes all the descriptors
/// that it may have.
///
/// # Errors
///
/// Its parent is gone, or the system refuses to tell the limits.
pub(crate) fn prepare(args: &ChildArgs) -> io::Result<()> {
    sys::end_after(args.alarm);
    sys::die_with(args.parent)?;
    sys::raise_descriptor_limit()?;
    Ok(())
}
