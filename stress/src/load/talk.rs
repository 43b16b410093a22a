//! One client's exchange of messages with the server, checked byte for byte.
//!
//! Owns the two buffers of a client, made once: a message costs no allocation. Knows nothing of
//! schedules and of other clients.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::{Clients, Link};
use crate::failure::{Failure, Kind};
use crate::latency::Recorder;
use crate::payload::{self, Id, Mismatch};

/// Up to so many bytes, everything is written before anything is read. The buffers of the two
/// sockets between hold more than that, so neither side can wait for the other. Beyond, a second
/// coroutine writes while the first one reads. A multiple of 8, as [`payload::fill`] wants it.
const AT_ONCE: usize = 16 * 1024;

/// A client's voice and ear.
#[derive(Debug)]
pub(super) struct Talk {
    clients: &'static Clients,
    recorder: Recorder<'static>,
    size: usize,
    /// What was sent, which is what is due back.
    due: Vec<u8>,
    /// What came back; one byte longer, to notice if too much does.
    got: Vec<u8>,
}

impl Talk {
    /// For messages of `size` bytes, at most `window` of them under way.
    pub(super) fn new(clients: &'static Clients, size: usize, window: u32) -> Talk {
        let bytes = (size * window as usize).min(AT_ONCE);
        Talk {
            clients,
            recorder: clients.latency.recorder(),
            size,
            due: vec![0; bytes],
            got: vec![0; bytes + 1],
        }
    }

    /// Sends `count` messages from number `first` on, and returns when all are back and verified.
    /// Their times count from `since`.
    pub(super) fn exchange(
        &mut self,
        link: &Link,
        first: u32,
        count: u32,
        since: Instant,
    ) -> Result<(), Failure> {
        let bytes = self.size * count as usize;
        if bytes > AT_ONCE {
            debug_assert_eq!(count, 1, "windows are smaller than what is sent at once");
            return self.exchange_long(link, Id { client: link.id, message: first }, since);
        }
        for (message, due) in (first..).zip(self.due[..bytes].chunks_exact_mut(self.size)) {
            payload::fill(due, Id { client: link.id, message }, 0);
        }
        let mut stream = &*link.stream;
        stream.write_all(&self.due[..bytes]).map_err(|error| Failure::from_io("write", &error))?;
        self.clients.count_sent(count);
        let (mut got, mut checked) = (0, 0);
        while got < bytes {
            got += read_some(stream, &mut self.got[got..=bytes])?;
            let now = since.elapsed();
            while checked < bytes && got - checked >= self.size {
                let message = first + (checked / self.size) as u32;
                let range = checked..checked + self.size;
                self.clients.count_received();
                let (got, due) = (&self.got[range.clone()], &self.due[range]);
                self.check(got, due, Id { client: link.id, message })?;
                self.clients.count_verified();
                self.recorder.record(now);
                checked += self.size;
            }
        }
        if got > bytes {
            return Err(Failure::new(Kind::Surplus, "more came back than was sent"));
        }
        Ok(())
    }

    /// One message that is too long to be written before the reply is read.
    fn exchange_long(&mut self, link: &Link, id: Id, since: Instant) -> Result<(), Failure> {
        let (stream, size) = (Arc::clone(&link.stream), self.size);
        let writer = lif::go(move || write_long(&stream, id, size));
        let read = self.read_long(link, id);
        if read.is_err() {
            // The reply is lost, so whoever still writes has to stop. An error here means that the
            // connection is gone, which stops the writer as well.
            drop(link.stream.shutdown(Shutdown::Both));
        }
        let written = writer.join();
        read?;
        match written {
            Ok(written) => written.map_err(|error| Failure::from_io("write", &error))?,
            Err(_) => return Err(Failure::new(Kind::Panic, "the writer of a client panicked")),
        }
        self.clients.count_sent(1);
        self.clients.count_received();
        self.clients.count_verified();
        self.recorder.record(since.elapsed());
        Ok(())
    }

    fn read_long(&mut self, link: &Link, id: Id) -> Result<(), Failure> {
        let mut stream = &*link.stream;
        for start in (0..self.size).step_by(AT_ONCE) {
            let part = AT_ONCE.min(self.size - start);
            stream
                .read_exact(&mut self.got[..part])
                .map_err(|error| Failure::from_io("read", &error))?;
            payload::fill(&mut self.due[..part], id, start);
            if start == 0 {
                self.check(&self.got[..part], &self.due[..part], id)?;
            } else if self.got[..part] != self.due[..part] {
                return Err(Failure::new(
                    Kind::Corrupt,
                    format!("{id:?}: differs after byte {start}"),
                ));
            }
        }
        Ok(())
    }

    /// Sends one message a byte at a time, `pause` apart, and reads it back. Not timed.
    pub(super) fn dribble(
        &mut self,
        link: &Link,
        message: u32,
        pause: Duration,
    ) -> Result<(), Failure> {
        let id = Id { client: link.id, message };
        payload::fill(&mut self.due, id, 0);
        let mut stream = &*link.stream;
        for byte in &self.due {
            stream
                .write_all(std::slice::from_ref(byte))
                .map_err(|error| Failure::from_io("write", &error))?;
            lif::sleep(pause);
        }
        self.clients.count_sent(1);
        let bytes = self.size;
        let mut got = 0;
        while got < bytes {
            got += read_some(stream, &mut self.got[got..=bytes])?;
        }
        self.clients.count_received();
        self.check(&self.got[..bytes], &self.due, id)?;
        if got > bytes {
            return Err(Failure::new(Kind::Surplus, "more came back than was sent"));
        }
        self.clients.count_verified();
        Ok(())
    }

    fn check(&self, got: &[u8], due: &[u8], id: Id) -> Result<(), Failure> {
        if got == due {
            return Ok(());
        }
        Err(match payload::explain(got, id, self.clients.messages) {
            Mismatch::Reordered(other) => {
                Failure::new(Kind::Reordered, format!("{other:?} came back where {id:?} was due"))
            }
            Mismatch::Corrupt { at } => {
                Failure::new(Kind::Corrupt, format!("{id:?}: differs at byte {at}"))
            }
        })
    }
}

/// Reads once, and takes the end of the stream for the failure that it is here.
fn read_some(mut stream: &lif::net::TcpStream, buffer: &mut [u8]) -> Result<usize, Failure> {
    loop {
        match stream.read(buffer) {
            Ok(0) => return Err(Failure::new(Kind::Short, "the connection ended too early")),
            Ok(n) => return Ok(n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Failure::from_io("read", &error)),
        }
    }
}

/// The writing half of a long exchange.
fn write_long(mut stream: &lif::net::TcpStream, id: Id, size: usize) -> io::Result<()> {
    let mut part = vec![0; AT_ONCE];
    for start in (0..size).step_by(AT_ONCE) {
        let part = &mut part[..AT_ONCE.min(size - start)];
        payload::fill(part, id, start);
        stream.write_all(part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
