//! `select!` and `select_biased!`.
//!
//! ```text
//! select! { arms }   the tokens of the arms, one arm a step, into a list    @parse
//!                    names and a place for each: a step's own are its own   @name
//!                    the code                                               @emit
//! ```
//!
//! The code borrows the ends only until one operation was selected, so that an arm may use what they
//! are part of: what was won has no destructor. The message of a send is evaluated in its arm.

use super::{Arm, Limit};
use crate::channel::{
    turn,
    waits::{Wait, Waited},
};

/// Selects among the arms of a `select!`.
pub fn run<const N: usize>(
    mut arms: [(usize, &dyn Arm); N],
    limit: Limit,
    biased: bool,
) -> Option<usize> {
    super::select(&mut arms, limit, biased)
}

/// A select over nothing parks for ever. When the coroutine is cancelled, it unwinds.
pub fn forever() -> ! {
    loop {
        turn::check_unwind();
        match Wait::begin(turn::infallible()).park(None) {
            Waited::Woken | Waited::TimedOut | Waited::Cancelled => {}
        }
    }
}

/// The result of the arm that was selected.
#[track_caller]
pub fn outcome<R>(slot: Option<R>) -> R {
    slot.expect("the arm that was selected is done")
}

/// Waits for several channel operations at once, and does one of them.
///
/// ```text
/// select! {
///     recv(receiver) -> result => arm,            result: Result<T, RecvError>
///     send(sender, message) -> result => arm,     result: Result<(), SendError<T>>
///     default => arm,                             if all of them would have to wait
///     default(timeout) => arm,                    if all had to for so long
/// }
/// ```
///
/// There may be any number of operations in any order, and one `default` at most. Of several
/// operations that need not wait a random one is done; one that fails at once, because its channel
/// is closed, need not wait either. If all have to wait, the coroutine parks once for all of them,
/// and whoever makes one possible wakes it. Receivers and senders are evaluated first, in order,
/// and once. The message of a `send` is evaluated if that send is selected, after the select.
/// The value of the `select!` is the value of the arm.
///
/// Without operations and `default` it parks for ever.
///
/// When the coroutine is [cancelled](crate::JoinHandle::cancel), the first operation is selected
/// and fails, as if its channel were closed: a send gives its message back. A select that has no
/// operations, and so cannot fail, unwinds the coroutine. One with a plain `default` does not wait,
/// and so is not told.
///
/// ```
/// use std::time::Duration;
/// use lif::channel::{bounded, unbounded};
/// lif::run(|| {
///     let (full, _keep) = bounded(0);
///     let (sender, receiver) = unbounded();
///     lif::go(move || sender.send(7).unwrap());
///     let got = lif::select! {
///         recv(receiver) -> message => message.unwrap(),
///         send(full, "nobody takes this") -> _ => 0,
///         default(Duration::from_secs(60)) => 1,
///     };
///     assert_eq!(got, 7);
/// });
/// ```
#[macro_export]
macro_rules! select {
    () => { $crate::channel::select::forever() };
    ($($tokens:tt)+) => { $crate::__lif_select! { @parse false {} {} $($tokens)+ } };
}

/// As [`select!`], but of several operations that need not wait the first one is done.
///
/// ```
/// let (sender, receiver) = lif::channel::unbounded();
/// let (_quiet, other) = lif::channel::unbounded::<()>();
/// sender.send(1).unwrap();
/// sender.send(2).unwrap();
/// for _ in 0..2 {
///     lif::select_biased! {
///         recv(other) -> _ => unreachable!(),
///         recv(receiver) -> message => assert!(message.is_ok()),
///         recv(receiver) -> _ => unreachable!("the one before it is ready"),
///     }
/// }
/// ```
#[macro_export]
macro_rules! select_biased {
    () => { $crate::channel::select::forever() };
    ($($tokens:tt)+) => { $crate::__lif_select! { @parse true {} {} $($tokens)+ } };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __lif_select {
    // @parse biased {arms} {default} tokens: an arm is `(kind [end] [message] [result] [code])`.
    (@parse $biased:tt {$($arms:tt)*} $default:tt) => {
        $crate::__lif_select! { @name $biased $default {$($arms)*} {} [0usize] }
    };
    (@parse $biased:tt {$($arms:tt)*} $default:tt
        recv($end:expr $(,)?) -> $result:pat => $code:block, $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased
            {$($arms)* (RecvArm [$end] [] [$result] [$code])} $default $($rest)* }
    };
    (@parse $biased:tt {$($arms:tt)*} $default:tt
        recv($end:expr $(,)?) -> $result:pat => $code:block $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased
            {$($arms)* (RecvArm [$end] [] [$result] [$code])} $default $($rest)* }
    };
    (@parse $biased:tt {$($arms:tt)*} $default:tt
        recv($end:expr $(,)?) -> $result:pat => $code:expr, $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased
            {$($arms)* (RecvArm [$end] [] [$result] [$code])} $default $($rest)* }
    };
    (@parse $biased:tt {$($arms:tt)*} $default:tt
        recv($end:expr $(,)?) -> $result:pat => $code:expr) => {
        $crate::__lif_select! { @parse $biased
            {$($arms)* (RecvArm [$end] [] [$result] [$code])} $default }
    };
    (@parse $biased:tt {$($arms:tt)*} $default:tt
        send($end:expr, $message:expr $(,)?) -> $result:pat => $code:block, $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased
            {$($arms)* (SendArm [$end] [$message] [$result] [$code])} $default $($rest)* }
    };
    (@parse $biased:tt {$($arms:tt)*} $default:tt
        send($end:expr, $message:expr $(,)?) -> $result:pat => $code:block $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased
            {$($arms)* (SendArm [$end] [$message] [$result] [$code])} $default $($rest)* }
    };
    (@parse $biased:tt {$($arms:tt)*} $default:tt
        send($end:expr, $message:expr $(,)?) -> $result:pat => $code:expr, $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased
            {$($arms)* (SendArm [$end] [$message] [$result] [$code])} $default $($rest)* }
    };
    (@parse $biased:tt {$($arms:tt)*} $default:tt
        send($end:expr, $message:expr $(,)?) -> $result:pat => $code:expr) => {
        $crate::__lif_select! { @parse $biased
            {$($arms)* (SendArm [$end] [$message] [$result] [$code])} $default }
    };
    (@parse $biased:tt $arms:tt {} default $(())? => $code:block, $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased $arms {[] [$code]} $($rest)* }
    };
    (@parse $biased:tt $arms:tt {} default $(())? => $code:block $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased $arms {[] [$code]} $($rest)* }
    };
    (@parse $biased:tt $arms:tt {} default $(())? => $code:expr, $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased $arms {[] [$code]} $($rest)* }
    };
    (@parse $biased:tt $arms:tt {} default $(())? => $code:expr) => {
        $crate::__lif_select! { @parse $biased $arms {[] [$code]} }
    };
    (@parse $biased:tt $arms:tt {} default($timeout:expr $(,)?) => $code:block, $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased $arms {[$timeout] [$code]} $($rest)* }
    };
    (@parse $biased:tt $arms:tt {} default($timeout:expr $(,)?) => $code:block $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased $arms {[$timeout] [$code]} $($rest)* }
    };
    (@parse $biased:tt $arms:tt {} default($timeout:expr $(,)?) => $code:expr, $($rest:tt)*) => {
        $crate::__lif_select! { @parse $biased $arms {[$timeout] [$code]} $($rest)* }
    };
    (@parse $biased:tt $arms:tt {} default($timeout:expr $(,)?) => $code:expr) => {
        $crate::__lif_select! { @parse $biased $arms {[$timeout] [$code]} }
    };
    (@parse $biased:tt $arms:tt {$($default:tt)+} default $($rest:tt)*) => {
        ::core::compile_error!("a select has one `default` at most")
    };
    (@parse $biased:tt $arms:tt $default:tt $($rest:tt)+) => {
        ::core::compile_error!(::core::concat!(
            "expected `recv(receiver) -> result => ...`, `send(sender, message) -> result => ...`,",
            " `default => ...` or `default(timeout) => ...`, found: ",
            ::core::stringify!($($rest)+)
        ))
    };

    // @name biased default {arms} {named} [place]: each step has names of its own.
    (@name $biased:tt $default:tt {} {$($named:tt)*} $place:tt) => {
        $crate::__lif_select! { @emit $biased $default $($named)* }
    };
    (@name $biased:tt $default:tt
        {($kind:ident $end:tt $message:tt $result:tt $code:tt) $($arms:tt)*}
        {$($named:tt)*} [$place:expr]) => {
        $crate::__lif_select! { @name $biased $default {$($arms)*}
            {$($named)* (end arm won [$place] $kind $end $message $result $code)}
            [$place + 1] }
    };

    (@emit $biased:tt $default:tt $((
        $borrowed:ident $arm:ident $won:ident [$place:expr]
        $kind:ident [$end:expr] [$($message:expr)?] [$result:pat] [$code:expr]
    ))*) => {
        match ($(&$end,)*) {
            ($($borrowed,)*) => {
                let (selected, $($won,)*) = {
                    $(let $arm = $crate::channel::select::$kind::new($borrowed);)*
                    let selected = $crate::channel::select::run(
                        [$(($place, &$arm as &dyn $crate::channel::select::Arm)),*],
                        $crate::__lif_select!(@limit $default),
                        $biased,
                    );
                    (selected, $($arm.finish(),)*)
                };
                $(if selected == ::core::option::Option::Some($place) {
                    match $crate::__lif_select!(@result $won $($message)?) { $result => $code }
                } else)* {
                    $crate::__lif_select!(@default $default)
                }
            }
        }
    };

    (@result $won:ident) => { $crate::channel::select::outcome($won) };
    (@result $won:ident $message:expr) => {
        // The permit passes its right on if the message panics.
        $crate::channel::select::outcome($won).permit().send($message)
    };

    (@limit {}) => { $crate::channel::select::Limit::Until(::core::option::Option::None) };
    (@limit {[] $code:tt}) => { $crate::channel::select::Limit::Try };
    (@limit {[$timeout:expr] $code:tt}) => { $crate::channel::select::Limit::timeout($timeout) };

    (@default {}) => { ::core::unreachable!("a select without a default selects an operation") };
    (@default {$timeout:tt [$code:expr]}) => { $code };
}
