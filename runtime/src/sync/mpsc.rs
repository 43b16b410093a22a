//! As [`std::sync::mpsc`].
