//! Load programs for Lif, and their report.
