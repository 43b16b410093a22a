//! Development only: the part of nix's kqueue API that `kqueue.rs` uses, over epoll.
//!
//! `--cfg kq_emu` puts this module in the place of `nix::sys::event`, so that the kqueue backend is
//! compiled *and executed* on Linux, unchanged. It owns the emulated queue; it must not offer what
//! the real one lacks, and nothing ships with it.
//!
//! A queue is two epolls, one for each filter, since epoll knows a descriptor once and kqueue once
//! a filter. Beside them is the table of *knotes* (kqueue's word for a registration), with the file
//! that each was made for: a knote ends when its descriptor is closed, as on BSD, though epoll may
//! keep the file through a duplicate. A user event is a flag in the table and an eventfd, so that a
//! blocked thread notices.
//!
//! What is our reading of the manual pages, and not a kernel's word:
//! - only `EV_CLEAR` and `EV_ONESHOT` knotes exist; `data` counts nothing;
//! - the errno at the end of a dead socket is always `ECONNRESET`: asking for it would clear it;
//! - a datagram socket with an error shows `EV_EOF` on writing;
//! - a regular file can't be polled (`EPERM`), while BSD can.

use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nix::Result;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

#[path = "kq_emu_types.rs"]
mod types;

use EventFilter::{EVFILT_READ, EVFILT_USER, EVFILT_WRITE};
pub(crate) use types::{EvFlags, EventFilter, FilterFlag, KEvent};

/// The emulated queue.
#[derive(Debug)]
pub(crate) struct Kqueue {
    read: Epoll,
    write: Epoll,
    /// Counts the triggered user events.
    bell: EventFd,
    knotes: Mutex<Knotes>,
}

#[derive(Debug, Default)]
struct Knotes {
    table: BTreeMap<(EventFilter, usize), Knote>,
    /// The serial number of the youngest knote.
    serial: u32,
}

#[derive(Debug)]
struct Knote {
    asked: KEvent,
    /// Travels through epoll, so that what an older knote of the same number left there is known.
    serial: u32,
    /// Device and inode of the file it was made for; zeros for a user event.
    file: (libc::dev_t, libc::ino_t),
    /// User events only.
    triggered: bool,
}

impl AsFd for Kqueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.0.as_fd()
    }
}

impl Kqueue {
    pub(crate) fn new() -> Result<Kqueue> {
        // A semaphore: each read takes back one trigger.
        let bell = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_SEMAPHORE;
        Ok(Kqueue {
            read: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            write: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            bell: EventFd::from_flags(bell)?,
            knotes: Mutex::default(),
        })
    }

    /// Makes the changes; then, if none left a receipt and there is room, waits for events.
    pub(crate) fn kevent(
        &self,
        changes: &[KEvent],
        events: &mut [KEvent],
        timeout: Option<libc::timespec>,
    ) -> Result<usize> {
        let receipts = self.change(changes, events)?;
        if receipts > 0 || events.is_empty() {
            return Ok(receipts);
        }
        let deadline =
            timeout.map(|t| Instant::now() + Duration::new(t.tv_sec as u64, t.tv_nsec as u32));
        loop {
            let count = self.collect(events)?;
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if count > 0 || left.is_some_and(|left| left.is_zero()) {
                return Ok(count);
            }
            self.block(left)?;
        }
    }

    /// Makes each change; an error takes a place among the events, or ends the call if none is left.
    fn change(&self, changes: &[KEvent], events: &mut [KEvent]) -> Result<usize> {
        let mut receipts = 0;
        for change in changes {
            let outcome = match change.filter {
                EVFILT_USER => self.change_user(change),
                EVFILT_READ | EVFILT_WRITE => self.change_io(change),
            };
            if outcome.is_ok() && !change.flags.contains(EvFlags::EV_RECEIPT) {
                continue;
            }
            if let Some(place) = events.get_mut(receipts) {
                let errno = outcome.err().map_or(0, |errno| errno as isize);
                let flags = change.flags | EvFlags::EV_ERROR;
                *place = KEvent { flags, data: errno, ..*change };
                receipts += 1;
            } else {
                outcome?;
            }
        }
        Ok(receipts)
    }

    fn change_user(&self, change: &KEvent) -> Result<()> {
        let mut knotes = self.lock();
        if change.flags.contains(EvFlags::EV_ADD) {
            knotes.insert(change, (0, 0));
        }
        let knote = knotes.table.get_mut(&(EVFILT_USER, change.ident)).ok_or(Errno::ENOENT)?;
        if change.fflags.contains(FilterFlag::NOTE_TRIGGER) && !knote.triggered {
            knote.triggered = true;
            self.bell.write(1)?;
        }
        Ok(())
    }

    fn change_io(&self, change: &KEvent) -> Result<()> {
        let mut knotes = self.lock();
        let key = (change.filter, change.ident);
        let number = change.ident as RawFd;
        let file = file_of(number);
        if knotes.table.get(&key).is_some_and(|knote| Some(knote.file) != file) {
            // Its descriptor was closed since; BSD forgot the knote there and then.
            knotes.table.remove(&key);
        }
        let Some(file) = file else {
            return Err(Errno::EBADF);
        };
        // SAFETY: `file_of` has just found the number open, and only numbers are used below: were
        // it closed meanwhile, epoll would answer EBADF.
        let fd = unsafe { BorrowedFd::borrow_raw(number) };
        let epoll = self.epoll(change.filter);
        if change.flags.contains(EvFlags::EV_DELETE) {
            knotes.table.remove(&key).ok_or(Errno::ENOENT)?;
            return match epoll.delete(fd) {
                // A fired one-shot is out of the table, so this is a race with a close.
                Err(Errno::ENOENT) => Ok(()),
                outcome => outcome,
            };
        }
        if !change.flags.contains(EvFlags::EV_ADD) {
            return knotes.table.contains_key(&key).then_some(()).ok_or(Errno::ENOENT);
        }
        let often = match (
            change.flags.contains(EvFlags::EV_CLEAR),
            change.flags.contains(EvFlags::EV_ONESHOT),
        ) {
            (true, false) => EpollFlags::EPOLLET,
            (false, true) => EpollFlags::EPOLLONESHOT,
            _ => return Err(Errno::EINVAL),
        };
        let what = match change.filter {
            EVFILT_WRITE => EpollFlags::EPOLLOUT,
            _ => EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP,
        };
        let serial = knotes.insert(change, file);
        let mut event = EpollEvent::new(what | often, u64::from(serial) << 32 | number as u64);
        let outcome = match epoll.add(fd, event) {
            Err(Errno::EEXIST) => epoll.modify(fd, &mut event),
            outcome => outcome,
        };
        if outcome.is_err() {
            knotes.table.remove(&key);
        }
        outcome
    }

    /// Fills `events` with what is there now.
    fn collect(&self, events: &mut [KEvent]) -> Result<usize> {
        let mut knotes = self.lock();
        let mut count = 0;
        let users = (EVFILT_USER, 0)..=(EVFILT_USER, usize::MAX);
        for (_, knote) in knotes.table.range_mut(users) {
            if knote.triggered && count < events.len() {
                knote.triggered = false;
                self.bell.read()?;
                events[count] = knote.asked;
                count += 1;
            }
        }
        for filter in [EVFILT_READ, EVFILT_WRITE] {
            let mut ready = [EpollEvent::empty(); 64];
            let room = ready.len().min(events.len() - count);
            if room == 0 {
                break;
            }
            let found = self.epoll(filter).wait(&mut ready[..room], EpollTimeout::ZERO)?;
            for event in &ready[..found] {
                if let Some(report) = self.report(&mut knotes, filter, event) {
                    events[count] = report;
                    count += 1;
                }
            }
        }
        Ok(count)
    }

    /// What kqueue says for an event of epoll; nothing if its knote is gone.
    fn report(
        &self,
        knotes: &mut Knotes,
        filter: EventFilter,
        event: &EpollEvent,
    ) -> Option<KEvent> {
        let number = event.data() as u32 as RawFd;
        let key = (filter, number as usize);
        let knote = knotes.table.get(&key)?;
        if u64::from(knote.serial) != event.data() >> 32 {
            return None;
        }
        let mut report = knote.asked;
        if file_of(number) != Some(knote.file) {
            knotes.table.remove(&key);
            return None;
        }
        if report.flags.contains(EvFlags::EV_ONESHOT) {
            knotes.table.remove(&key);
            // SAFETY: `file_of` has just found the number open, and epoll uses only the number.
            let fd = unsafe { BorrowedFd::borrow_raw(number) };
            // It can only fail because the descriptor was closed meanwhile, which removed it, too.
            self.epoll(filter).delete(fd).ok();
        }
        let has = |flag| event.events().contains(flag);
        let (hup, error) = (has(EpollFlags::EPOLLHUP), has(EpollFlags::EPOLLERR));
        let end = match filter {
            EVFILT_WRITE => hup || error,
            _ => hup || has(EpollFlags::EPOLLRDHUP),
        };
        if end {
            report.flags |= EvFlags::EV_EOF;
        }
        if hup && error {
            report.fflags = FilterFlag::errno(libc::ECONNRESET);
        }
        Some(report)
    }

    /// Sleeps until one of the three descriptors is readable; what that means is `collect`'s to say.
    fn block(&self, left: Option<Duration>) -> Result<()> {
        let mut fds = [self.read.0.as_fd(), self.write.0.as_fd(), self.bell.as_fd()]
            .map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 });
        let timespec = left.map(|left| libc::timespec {
            tv_sec: left.as_secs() as libc::time_t,
            tv_nsec: left.subsec_nanos().into(),
        });
        let timeout = timespec.as_ref().map_or(std::ptr::null(), |t| &raw const *t);
        // SAFETY: the array has as many entries as said and is borrowed exclusively; the timespec,
        // if there is one, outlives the call; a null mask changes no signal mask.
        let ready = unsafe {
            libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout, std::ptr::null())
        };
        Errno::result(ready).map(drop)
    }

    fn epoll(&self, filter: EventFilter) -> &Epoll {
        if filter == EVFILT_WRITE { &self.write } else { &self.read }
    }

    fn lock(&self) -> MutexGuard<'_, Knotes> {
        // No change leaves the table half made, so a panic elsewhere doesn't spoil it.
        self.knotes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Knotes {
    /// Makes a knote in place of an older one, and returns its serial number.
    fn insert(&mut self, asked: &KEvent, file: (libc::dev_t, libc::ino_t)) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        let knote = Knote { asked: *asked, serial: self.serial, file, triggered: false };
        self.table.insert((asked.filter, asked.ident), knote);
        self.serial
    }
}

/// Which file a descriptor stands for; `None` if it is closed.
fn file_of(number: RawFd) -> Option<(libc::dev_t, libc::ino_t)> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: any number may be asked about, and the pointer is to room for the answer.
    let answer = unsafe { libc::fstat(number, stat.as_mut_ptr()) };
    // SAFETY: fstat succeeded, so it has filled the whole struct.
    (answer == 0).then(|| unsafe { stat.assume_init() }).map(|stat| (stat.st_dev, stat.st_ino))
}
