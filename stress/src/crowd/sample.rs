//! How far a crowd is and what it uses, as the processes of a run tell each other.

use serde_json::{Value, json};

use crate::host::Memory;
use crate::proto::number;

/// How many coroutines have come how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Parked, for the first time.
    pub(crate) parked: u64,
    /// Fell asleep (sleep).
    pub(crate) asleep: u64,
    /// Were woken.
    pub(crate) woken: u64,
    /// Came to the end of their closure.
    pub(crate) ended: u64,
    /// Gave their result to whoever joined them.
    pub(crate) joined: u64,
    /// Are gone without having come to the end.
    pub(crate) failed: u64,
}

impl Sample {
    pub(crate) fn to_json(self) -> Value {
        json!({
            "parked": self.parked, "asleep": self.asleep, "woken": self.woken,
            "ended": self.ended, "joined": self.joined, "failed": self.failed,
        })
    }

    pub(crate) fn from_json(reply: &Value) -> Sample {
        Sample {
            parked: number(reply, "parked"),
            asleep: number(reply, "asleep"),
            woken: number(reply, "woken"),
            ended: number(reply, "ended"),
            joined: number(reply, "joined"),
            failed: number(reply, "failed"),
        }
    }
}

/// The same, with what the process uses; 0 where the system does not tell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Who has come how far.
    pub(crate) sample: Sample,
    /// What is resident, and what the kernel spends on it.
    pub(crate) memory: Memory,
    /// Memory mappings.
    pub(crate) mappings: u64,
    /// Processor time so far.
    pub(crate) cpu_ms: u64,
}

impl Survey {
    pub(crate) fn to_json(self) -> Value {
        json!({
            "sample": self.sample.to_json(), "rss_kib": self.memory.rss,
            "peak_kib": self.memory.peak, "page_tables_kib": self.memory.page_tables,
            "mappings": self.mappings, "cpu_ms": self.cpu_ms,
        })
    }

    pub(crate) fn from_json(reply: &Value) -> Survey {
        Survey {
            sample: Sample::from_json(&reply["sample"]),
            memory: Memory {
                rss: number(reply, "rss_kib"),
                peak: number(reply, "peak_kib"),
                page_tables: number(reply, "page_tables_kib"),
            },
            mappings: number(reply, "mappings"),
            cpu_ms: number(reply, "cpu_ms"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survey_survives_the_line() {
        let survey = Survey {
            sample: Sample { parked: 1, asleep: 2, woken: 3, ended: 4, joined: 5, failed: 6 },
            memory: Memory { rss: 7, peak: 8, page_tables: 9 },
            mappings: 10,
            cpu_ms: 11,
        };
        let reply = serde_json::from_str(&survey.to_json().to_string()).unwrap();
        assert_eq!(Survey::from_json(&reply), survey);
    }
}
