//! Round-trip times: recorded cheaply by many coroutines, carried between processes, summed up.
//!
//! Owns the histogram and its form on the wire. Knows nothing of what was measured.

use std::sync::Mutex;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::Value;

/// Times above this are recorded as this: no run lasts so long.
const HIGHEST_NS: u64 = 3_600_000_000_000;

/// Three digits, so a percentile is right to 0.1 %.
const DIGITS: u8 = 3;

/// How many times a recorder keeps to itself before it takes the lock.
const PENDING: usize = 32;

/// The round-trip times of one process, in nanoseconds.
#[derive(Debug)]
pub(crate) struct Latency(Mutex<Histogram<u64>>);

impl Latency {
    /// An empty one.
    pub(crate) fn new() -> Latency {
        Latency(Mutex::new(empty()))
    }

    /// Someone who records into it, keeping a few times back so that the lock is seldom taken.
    pub(crate) fn recorder(&self) -> Recorder<'_> {
        Recorder { shared: self, pending: [0; PENDING], used: 0 }
    }

    /// Records one time: for whoever has but one.
    pub(crate) fn record(&self, time: Duration) {
        self.lock().saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Everything recorded so far, as one JSON array: value, count, value, count, and so on.
    pub(crate) fn to_json(&self) -> Value {
        to_json(&self.lock())
    }

    /// Held for a few additions and never across a wait, so it never stops a worker for long.
    fn lock(&self) -> std::sync::MutexGuard<'_, Histogram<u64>> {
        // A panic while it was held leaves a histogram that misses a value: still worth reading.
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// One coroutine's way to a [`Latency`]; hands over what it kept back when dropped.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    shared: &'a Latency,
    pending: [u64; PENDING],
    used: usize,
}

impl Recorder<'_> {
    /// Records one round trip.
    pub(crate) fn record(&mut self, time: Duration) {
        self.pending[self.used] = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.used += 1;
        if self.used == PENDING {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let mut histogram = self.shared.lock();
        for &ns in &self.pending[..self.used] {
            histogram.saturating_record(ns);
        }
        self.used = 0;
    }
}

impl Drop for Recorder<'_> {
    fn drop(&mut self) {
        if self.used > 0 {
            self.flush();
        }
    }
}

/// The times of all processes together.
#[derive(Clone, Debug)]
pub(crate) struct Merged(Histogram<u64>);

impl Merged {
    /// An empty one.
    pub(crate) fn new() -> Merged {
        Merged(empty())
    }

    /// Adds the times of one process, as [`Latency::to_json`] wrote them; what is not of that form
    /// is left out.
    pub(crate) fn add_json(&mut self, value: &Value) {
        let numbers = value.as_array().map_or(&[][..], Vec::as_slice);
        for pair in numbers.chunks_exact(2) {
            if let (Some(ns), Some(count)) = (pair[0].as_u64(), pair[1].as_u64()) {
                self.0.saturating_record_n(ns, count);
            }
        }
    }

    /// How many times were recorded.
    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// The time that `percent` of all round trips did not exceed, in microseconds.
    pub(crate) fn percentile_us(&self, percent: f64) -> f64 {
        self.0.value_at_quantile(percent / 100.0) as f64 / 1000.0
    }

    /// The mean, in microseconds.
    pub(crate) fn mean_us(&self) -> f64 {
        self.0.mean() / 1000.0
    }

    /// The longest, in microseconds.
    pub(crate) fn max_us(&self) -> f64 {
        self.0.max() as f64 / 1000.0
    }
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HIGHEST_NS, DIGITS).expect("constant bounds that are in order")
}

fn to_json(histogram: &Histogram<u64>) -> Value {
    let recorded = histogram.iter_recorded();
    recorded.flat_map(|step| [step.value_iterated_to(), step.count_at_value()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_processes_equals_recording_in_one() {
        let (left, right, both) = (Latency::new(), Latency::new(), Latency::new());
        for i in 1..=10_000u64 {
            let time = Duration::from_nanos(i * i * 37);
            let side = if i % 3 == 0 { &left } else { &right };
            side.recorder().record(time);
            both.recorder().record(time);
        }
        let mut merged = Merged::new();
        merged.add_json(&left.to_json());
        merged.add_json(&right.to_json());
        let mut whole = Merged::new();
        whole.add_json(&both.to_json());
        assert_eq!(merged.len(), 10_000);
        for percent in [0.0, 50.0, 90.0, 99.0, 99.9, 100.0] {
            let (merged, whole) = (merged.percentile_us(percent), whole.percentile_us(percent));
            assert!((merged - whole).abs() < 1e-9, "{percent}: {merged} against {whole}");
        }
    }

    #[test]
    fn a_percentile_is_right_to_three_digits() {
        let latency = Latency::new();
        let mut recorder = latency.recorder();
        for us in 1..=1000 {
            recorder.record(Duration::from_micros(us));
        }
        drop(recorder);
        let mut merged = Merged::new();
        merged.add_json(&latency.to_json());
        assert!((merged.percentile_us(50.0) - 500.0).abs() < 1.0);
        assert!((merged.percentile_us(99.0) - 990.0).abs() < 2.0);
        assert!((merged.max_us() - 1000.0).abs() < 2.0);
        assert!((merged.mean_us() - 500.5).abs() < 1.0);
        latency.record(Duration::from_millis(2));
        assert_eq!(latency.lock().len(), 1001);
    }

    #[test]
    fn a_recorder_hands_over_the_rest_when_dropped() {
        let latency = Latency::new();
        let mut recorder = latency.recorder();
        for _ in 0..PENDING + 5 {
            recorder.record(Duration::from_micros(1));
        }
        assert_eq!(latency.lock().len(), PENDING as u64);
        drop(recorder);
        assert_eq!(latency.lock().len(), PENDING as u64 + 5);
    }

    #[test]
    fn no_times_and_nonsense_give_zero() {
        let mut merged = Merged::new();
        merged.add_json(&Value::Null);
        merged.add_json(&serde_json::json!([1, "x", 3]));
        assert_eq!(merged.len(), 0);
        assert_eq!(merged.percentile_us(99.0), 0.0);
    }
}
