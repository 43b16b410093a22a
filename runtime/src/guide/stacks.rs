//! Choosing a stack size.
//!
//! A coroutine has 256 KiB of *address space* for its stack if nothing else is said: 192 KiB to use,
//! and a guard of 64 KiB below them. Memory is what is touched, page by page: one that is parked in a
//! `read` with a small buffer keeps a page or two. So a larger size costs address space, of which
//! there is plenty, and not memory; a smaller one saves no memory.
//!
//! | what it does | size |
//! |---|---|
//! | serves a connection: reads, parses, writes | the default |
//! | calls code that recurses as deeply as its input says: parsers, serialisers, regular expressions | 1 MiB or more, or a limit on the depth |
//! | calls C libraries whose needs nobody knows | what a thread has: 8 MiB |
//! | is one of millions, with shallow calls | 64 KiB, tried out with debug builds and with panics |
//!
//! ```
//! fn depth(text: &[u8]) -> usize {
//!     match text {
//!         [b'(', rest @ ..] => 1 + std::hint::black_box(depth)(rest),
//!         _ => 0,
//!     }
//! }
//!
//! lif::run(|| {
//!     let text = vec![b'('; 10_000];
//!     let parser = lif::Builder::new().name("parser").stack_size(16 << 20);
//!     let parser = parser.spawn(move || depth(&text)).unwrap();
//!     assert_eq!(parser.join().unwrap(), 10_000);
//! });
//! ```
//!
//! Sizes are rounded up to a power of two, from 32 KiB to 1 GiB.
//! [`Builder::stack_size`](crate::runtime::Builder::stack_size) of a runtime sets the size for all of
//! its coroutines.
//!
//! # What takes room
//!
//! - Buffers in arrays: `[0; 65_536]` is on the stack, and so is what `Box::new([0; 65_536])` makes
//!   first in a debug build. Use `vec![0; 65_536]`.
//! - Debug builds need several times as much as release builds.
//! - A panic that prints a backtrace needs about 22 KiB on top of all.
//! - Messages of channels, results of coroutines and captured values are moved over the stack.
//!
//! # When it was too small
//!
//! A stack does not grow. A coroutine that runs into the guard ends the process with SIGABRT and a
//! message with its name, the line that spawned it, and the size that it had. Nothing else is
//! written to: no overflow goes unnoticed. Give coroutines with larger stacks a name, so that the
//! message says what it was.
//!
//! Deep recursion that depends on the input of a client is a way to end the process, on a thread as
//! in a coroutine. Limit the depth; the size of a stack is no limit to rely on.
