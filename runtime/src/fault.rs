//! The report of a stack overflow.
//!
//! A coroutine that runs into its guard page ends the process, with a message that names it. The
//! handler runs on an alternate stack, since the coroutine's own is full; it allocates nothing and
//! takes no lock. A fault outside of our guards goes to whatever handler was there before.

use std::{
    cell::UnsafeCell,
    fmt::{self, Write as _},
    io,
    mem::MaybeUninit,
    ptr,
    sync::OnceLock,
};

use crate::{current, task::header::Task};

/// Enough for the handler and for one that it may pass the fault on to.
const ALTERNATE_STACK: usize = 64 * 1024;

const SIGNALS: [libc::c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// The handlers that were there before ours, in the order of `SIGNALS`.
static BEFORE: Before = Before(UnsafeCell::new([const { MaybeUninit::uninit() }; 2]));

struct Before(UnsafeCell<[MaybeUninit<libc::sigaction>; 2]>);

// SAFETY: written once, by `install` under its `OnceLock`, each before its signal can reach our
// handler, and then only read.
unsafe impl Sync for Before {}

/// Installs the handler, once per process.
pub(crate) fn install() -> io::Result<()> {
    static INSTALLED: OnceLock<Result<(), i32>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| {
        for (index, &signal) in SIGNALS.iter().enumerate() {
            // SAFETY: a zeroed sigaction is a valid one.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            action.sa_sigaction = handler as *const () as libc::sighandler_t;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: the entry is written only here, under the `OnceLock`. It is filled before
            // the new handler is in place, since until then nothing reads it.
            let before = unsafe { (*BEFORE.0.get())[index].as_mut_ptr() };
            // SAFETY: asks only for the present handler.
            if unsafe { libc::sigaction(signal, ptr::null(), before) } != 0 {
                return Err(io::Error::last_os_error().raw_os_error().unwrap_or(0));
            }
            // SAFETY: the handler keeps to what a signal handler may do.
            if unsafe { libc::sigaction(signal, &action, ptr::null_mut()) } != 0 {
                return Err(io::Error::last_os_error().raw_os_error().unwrap_or(0));
            }
        }
        Ok(())
    });
    installed.map_err(io::Error::from_raw_os_error)
}

/// The alternate stack of a worker's thread, for as long as this lives.
pub(crate) struct AlternateStack {
    before: libc::stack_t,
    _memory: Box<[MaybeUninit<u8>]>,
}

impl AlternateStack {
    pub(crate) fn new() -> AlternateStack {
        let mut memory = Box::new_uninit_slice(ALTERNATE_STACK);
        let stack =
            libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: memory.len() };
        let mut before = MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: the memory lives until `drop` has put the former stack back.
        let set = unsafe { libc::sigaltstack(&stack, before.as_mut_ptr()) };
        assert_eq!(set, 0, "sigaltstack: {}", io::Error::last_os_error());
        // SAFETY: written by the call above.
        let before = unsafe { before.assume_init() };
        AlternateStack { before, _memory: memory }
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        // SAFETY: the former stack is std's for this thread, or none; either is still there.
        unsafe { libc::sigaltstack(&self.before, ptr::null_mut()) };
    }
}

extern "C" fn handler(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid siginfo with a fault address for these signals.
    let address = unsafe { (*info).si_addr() } as usize;
    if let Some(place) = lif_coro::locate(address)
        && place.in_guard
    {
        report(address, &place);
        // SAFETY: async-signal-safe.
        unsafe { libc::abort() };
    }
    pass_on(signal, info, context);
}

/// Writes the message, piece by piece, to standard error.
fn report(address: usize, place: &lif_coro::Place) {
    let mut out = Stderr;
    // The running coroutine's hot fields are where they were; the thread-local that leads to them
    // needs no initialisation.
    let own = current::task().filter(|task| owns(task, place));
    let _unreportable = match own {
        Some(task) => {
            let meta = task.meta();
            write!(
                out,
                "\ncoroutine '{}' (id {}, spawned at {}) has overflowed its stack\n\
                 its stack has {} KiB of address space, guard of {} KiB included; the fault is at \
                 {:#x}\ngive it more with `lif::Builder::stack_size`\n",
                meta.name.as_deref().unwrap_or("<unnamed>"),
                task.id(),
                meta.spawned_at,
                place.size.bytes() / 1024,
                place.size.guard() / 1024,
                address,
            )
        }
        None => write!(
            out,
            "\na wild access has hit the guard page of a coroutine's stack at {address:#x}\n"
        ),
    };
}

/// Whether the place belongs to the stack on which the task runs: its suspender stands there.
fn owns(task: &Task, place: &lif_coro::Place) -> bool {
    // SAFETY: the task is the one that runs on this thread, interrupted by the fault.
    let suspender = unsafe { task.local() }.suspender.get();
    suspender.is_some_and(|at| {
        let at = at.as_ptr() as usize;
        (place.stack_low..place.top).contains(&at)
    })
}

fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    let index = SIGNALS.iter().position(|&known| known == signal).unwrap_or(0);
    // SAFETY: filled before our handler was in place.
    let before = unsafe { (*BEFORE.0.get())[index].assume_init_ref() };
    match before.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // The instruction runs again when we return, and then the system does what it does. A
            // fault cannot be ignored.
            // SAFETY: a zeroed sigaction with SIG_DFL is a valid one.
            let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
            action.sa_sigaction = libc::SIG_DFL;
            // SAFETY: async-signal-safe.
            unsafe { libc::sigaction(signal, &action, ptr::null_mut()) };
        }
        handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: it was installed as a handler of this shape.
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: it was installed as a handler of this shape.
            let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
}

/// Standard error without std's lock, which the coroutine may hold.
struct Stderr;

impl fmt::Write for Stderr {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            // SAFETY: the bytes are valid for the call.
            let wrote = unsafe { libc::write(2, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(wrote) {
                Ok(0) | Err(_) => return Err(fmt::Error),
                Ok(wrote) => rest = &rest[wrote..],
            }
        }
        Ok(())
    }
}
