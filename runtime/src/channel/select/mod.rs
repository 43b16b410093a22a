//! Waiting for several operations at once: one park, one epoch, one node an arm, one winner.
//!
//! ```text
//! loop {
//!     try each arm, in random order         one that needs no wait is done: selected
//!     begin a wait
//!     for each arm, under its lock          look again; a node in its list
//!     park
//!     for each arm                          its node out of its list
//!     was the wait won for one of them?     selected
//! }
//! ```
//!
//! *Nothing is missed* between the first look and the park: an arm looks again under the same lock
//! under which its node is put into the list.
//!
//! *Nothing is done twice.* From its first node on, others may win the wait. So an arm that finds
//! something in its second look must win the wait itself before it takes anything; if that fails,
//! somebody else has won it for another arm, whose node will say so. (Two claims at a rendezvous:
//! see `peer`.)
//!
//! *A wait that was won is used.* After the park the nodes are looked at first, then the deadline,
//! then the cancellation.
//!
//! Arms must not know of each other, and this file not what they exchange.

mod dynamic;
mod macros;
mod operation;
mod parcel;
mod random;
mod recv;
mod send;
mod watch;

use std::{fmt, ops::Deref, time::Instant};

pub use self::{dynamic::Select, operation::SelectedOperation};
#[doc(hidden)]
pub use self::{
    macros::{forever, outcome, run},
    recv::RecvArm,
    send::SendArm,
};
use super::{
    peer::Me,
    timer::earlier,
    turn,
    waits::{Kind, Wait, Waited, Waker},
};

/// What an arm has found.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// It is done: selected.
    Ready,
    /// It would have to wait.
    Nothing,
    /// Only a select that would send: its message has to be waited for.
    Wish,
    /// Somebody else has won the caller's wait.
    Lost,
}

/// A wait that has begun, as arms see it.
#[doc(hidden)]
#[derive(Debug)]
pub struct Begun(pub(crate) Attempt);

/// The wait, and whether an arm that finds nothing leaves its node.
pub(crate) struct Attempt {
    pub(crate) me: Me,
    pub(crate) waker: Waker,
    pub(crate) stay: bool,
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("stay", &self.stay).finish_non_exhaustive()
    }
}

/// One operation of a select.
#[doc(hidden)]
pub trait Arm {
    /// Does it, if it need not wait.
    fn attempt(&self) -> Found;
    /// Does it, if it need not wait; or else leaves a node, and is withdrawn later.
    fn enlist(&self, begun: &mut Begun) -> Found;
    /// Takes the node out of its list, if it is still in.
    fn withdraw(&self);
    /// After all arms were withdrawn: whether this one was done meanwhile.
    fn is_done(&self) -> bool;
    /// When it is ready by itself.
    fn due(&self) -> Option<Instant>;
    /// Makes it fail as if its channel were closed.
    fn fail(&self);
    /// Whether it need not wait; nothing is done.
    fn is_ready(&self) -> bool;
    /// The same, or else leaves a node that is woken when it is ready.
    fn watch(&self, begun: &Begun) -> bool;
    /// Takes that node back.
    fn unwatch(&self);
}

/// How long a select waits.
#[doc(hidden)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Not at all.
    Try,
    /// Until then, or for ever.
    Until(Option<Instant>),
}

impl Limit {
    /// For so long; for ever, if the clock cannot count to it.
    pub fn timeout(timeout: std::time::Duration) -> Limit {
        Limit::Until(Instant::now().checked_add(timeout))
    }
}

/// An arm with its place in the select.
pub(crate) type Placed<A> = (usize, A);

/// Selects one of the arms, and returns its place; `None` if none was ready in time.
///
/// When the coroutine is cancelled, or unwinds and would have to wait for ever, the first arm is
/// made to fail.
pub(crate) fn select<A>(arms: &mut [Placed<A>], limit: Limit, biased: bool) -> Option<usize>
where
    A: Deref<Target: Arm>,
{
    let deadline = match begin(limit, arms.is_empty()) {
        Ok(deadline) => deadline,
        Err(turn::Cancelled) => return fail_first(arms),
    };
    loop {
        if !biased {
            random::shuffle(arms);
        }
        let mut wishes = false;
        for (place, arm) in &*arms {
            match arm.attempt() {
                Found::Ready => return Some(*place),
                Found::Wish => wishes = true,
                Found::Nothing | Found::Lost => {}
            }
        }
        if turn::is_unwinding() {
            return if limit == Limit::Until(None) { fail_first(arms) } else { None };
        }
        let late = limit == Limit::Try || !turn::may_wait(deadline);
        if late && !wishes {
            return None;
        }
        let kind = match (late, arms.is_empty()) {
            (true, _) => Kind::Uninterruptible,
            (false, true) => turn::infallible(),
            (false, false) => Kind::Cancellable,
        };
        match attempt(arms, kind, deadline, !late) {
            Attempted::Done(place) => return Some(place),
            Attempted::Again => {}
            Attempted::Nothing => return None,
            Attempted::Cancelled if arms.is_empty() => turn::check_unwind(),
            Attempted::Cancelled => {
                turn::cancelled();
                return fail_first(arms);
            }
        }
    }
}

/// How one wait for all arms has ended.
enum Attempted {
    Done(usize),
    /// With nothing, or too late; what can be done now is to be seen.
    Again,
    /// Without waiting, as asked.
    Nothing,
    Cancelled,
}

fn attempt<A>(arms: &[Placed<A>], kind: Kind, deadline: Option<Instant>, stay: bool) -> Attempted
where
    A: Deref<Target: Arm>,
{
    let wait = Wait::begin(kind);
    let waker = wait.waker();
    let mut begun = Begun(Attempt { me: Me::waiting(waker), waker, stay });
    let mut until = deadline;
    let mut ended = false;
    for (_, arm) in arms {
        let found = arm.enlist(&mut begun);
        ended = matches!(found, Found::Ready | Found::Lost) || begun.0.me.has_won_itself();
        if ended {
            break;
        }
        until = earlier(until, arm.due());
    }
    let waited = if ended {
        Waited::Woken
    } else if stay {
        wait.park(until)
    } else {
        // Nobody has heard of this wait.
        return Attempted::Nothing;
    };
    for (_, arm) in arms {
        arm.withdraw();
    }
    // A promise may turn out to be broken while it is waited for, so only now.
    match arms.iter().find(|(_, arm)| arm.is_done()) {
        Some((place, _)) => Attempted::Done(*place),
        None if waited == Waited::Cancelled => Attempted::Cancelled,
        None => Attempted::Again,
    }
}

/// Waits until one of the arms is ready, and returns its place; `None` if none was in time.
pub(crate) fn ready<A>(arms: &mut [Placed<A>], limit: Limit, biased: bool) -> Option<usize>
where
    A: Deref<Target: Arm>,
{
    let deadline = match begin(limit, arms.is_empty()) {
        Ok(deadline) => deadline,
        Err(turn::Cancelled) => return first(arms),
    };
    loop {
        if !biased {
            random::shuffle(arms);
        }
        if let Some((place, _)) = arms.iter().find(|(_, arm)| arm.is_ready()) {
            return Some(*place);
        }
        if turn::is_unwinding() {
            return if limit == Limit::Until(None) { first(arms) } else { None };
        }
        if limit == Limit::Try || !turn::may_wait(deadline) {
            return None;
        }
        let kind = if arms.is_empty() { turn::infallible() } else { Kind::Cancellable };
        let wait = Wait::begin(kind);
        let waker = wait.waker();
        let begun = Begun(Attempt { me: Me::waiting(waker), waker, stay: true });
        let already = arms.iter().any(|(_, arm)| arm.watch(&begun));
        let until = arms.iter().fold(deadline, |until, (_, arm)| earlier(until, arm.due()));
        let waited = if already { Waited::Woken } else { wait.park(until) };
        for (_, arm) in &*arms {
            arm.unwatch();
        }
        if waited == Waited::Cancelled {
            if arms.is_empty() {
                turn::check_unwind();
                continue;
            }
            turn::cancelled();
            return first(arms);
        }
    }
}

/// The beginning of both. One that does not wait is not told of a cancellation; one without arms
/// can only unwind.
fn begin(limit: Limit, empty: bool) -> Result<Option<Instant>, turn::Cancelled> {
    let Limit::Until(deadline) = limit else {
        turn::spend();
        return Ok(None);
    };
    if empty {
        turn::check_unwind();
    } else {
        turn::begin()?;
    }
    Ok(deadline)
}

fn first<A>(arms: &[Placed<A>]) -> Option<usize> {
    arms.iter().map(|(place, _)| *place).min()
}

fn fail_first<A>(arms: &[Placed<A>]) -> Option<usize>
where
    A: Deref<Target: Arm>,
{
    let (place, arm) = arms.iter().min_by_key(|(place, _)| *place)?;
    arm.fail();
    Some(*place)
}
