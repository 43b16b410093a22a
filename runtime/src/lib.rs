//! Stackful coroutines with guard-paged stacks: plain blocking-style code, ten thousand connections, a sound go().
