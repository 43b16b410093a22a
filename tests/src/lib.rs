//! Behaviour of the public API of Lif, as a user sees it.
