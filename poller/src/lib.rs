//! Kernel readiness for Lif: one contract over epoll and kqueue.
