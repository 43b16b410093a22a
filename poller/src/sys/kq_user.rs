//! Waking a kqueue through `EVFILT_USER`: macOS, FreeBSD, DragonFly.
//!
//! Owns nothing but the registration. Same items as `kq_pair`.

use nix::Result;

use super::kq::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
use crate::event::Token;

/// A user event of the queue; `EV_CLEAR` takes the trigger back when it is reported.
#[derive(Debug)]
pub(crate) struct Bell;

impl Bell {
    pub(crate) fn new(queue: &Kqueue) -> Result<Bell> {
        let add = user_event(EvFlags::EV_ADD | EvFlags::EV_CLEAR, FilterFlag::empty());
        queue.kevent(&[add], &mut [], None)?;
        Ok(Bell)
    }

    /// Triggers the event; with no room for receipts an error is the call's own.
    pub(crate) fn ring(&self, queue: &Kqueue) -> Result<()> {
        let trigger = user_event(EvFlags::empty(), FilterFlag::NOTE_TRIGGER);
        queue.kevent(&[trigger], &mut [], None).map(drop)
    }
}

/// User events have a name space of their own, so the ident can't meet a descriptor. A change
/// overwrites `udata`: the token goes along each time.
fn user_event(flags: EvFlags, what: FilterFlag) -> KEvent {
    KEvent::new(0, EventFilter::EVFILT_USER, flags, what, 0, Token::WAKE.to_u64() as isize)
}
