//! What the host tells about itself and about a process, read from /proc.
//!
//! Reading and parsing only; what follows from the numbers is decided elsewhere. Where there is no
//! /proc the answers are the system's documented defaults, or nothing.

use std::fs;
use std::ops::RangeInclusive;

/// The kernel's choice of local ports, and what it does with those that rest in TIME_WAIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    /// The range that `connect` takes a port from.
    pub(crate) range: RangeInclusive<u16>,
    /// How many of the range are reserved for others.
    pub(crate) reserved: u32,
    /// Connections that rest in TIME_WAIT at the moment.
    pub(crate) time_wait: u32,
    /// Whether a loopback port in TIME_WAIT is taken again after a second.
    pub(crate) reuse: bool,
}

/// Reads how local ports are given out here.
pub(crate) fn ports() -> Ports {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    // What macOS and FreeBSD start with.
    let range = parse_range(&read("/proc/sys/net/ipv4/ip_local_port_range"));
    let range = range.unwrap_or(49_152..=65_535);
    Ports {
        reserved: parse_reserved(&read("/proc/sys/net/ipv4/ip_local_reserved_ports"), &range),
        time_wait: parse_time_wait(&read("/proc/net/sockstat")),
        reuse: read("/proc/sys/net/ipv4/tcp_tw_reuse").trim() != "0",
        range,
    }
}

/// The longest queue of connections that `listen` grants.
pub(crate) fn listen_queue() -> u64 {
    let told = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
    // What macOS and FreeBSD start with.
    told.trim().parse().unwrap_or(128)
}

/// What listening sockets turned away, since the host started and over all programs: so only the
/// difference of two readings says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TurnedAway {
    /// Connections that found the queue full.
    pub(crate) overflows: u64,
    /// Connections that were dropped for whatever reason, these included.
    pub(crate) drops: u64,
}

impl TurnedAway {
    /// What came on top of an earlier reading.
    pub(crate) fn since(self, earlier: TurnedAway) -> TurnedAway {
        TurnedAway {
            overflows: self.overflows.saturating_sub(earlier.overflows),
            drops: self.drops.saturating_sub(earlier.drops),
        }
    }
}

/// Reads what was turned away so far, where the system counts it.
pub(crate) fn turned_away() -> Option<TurnedAway> {
    let text = fs::read_to_string("/proc/net/netstat").ok()?;
    Some(TurnedAway {
        overflows: parse_netstat(&text, "TcpExt", "ListenOverflows")?,
        drops: parse_netstat(&text, "TcpExt", "ListenDrops")?,
    })
}

/// Memory of this process in KiB: (resident now, most resident ever), where /proc tells it.
pub(crate) fn resident_kib() -> Option<(u64, u64)> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    Some((parse_status(&status, "VmRSS")?, parse_status(&status, "VmHWM")?))
}

/// The memory of a process, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) rss: u64,
    /// The most that ever was.
    pub(crate) peak: u64,
    /// The kernel's page tables for it, which are not part of the above.
    pub(crate) page_tables: u64,
}

/// Memory of this process, where /proc tells it.
pub(crate) fn memory() -> Option<Memory> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let rss = parse_status(&status, "VmRSS")?;
    // The kernel notes the peak only now and then, so it may lag behind.
    let peak = parse_status(&status, "VmHWM")?.max(rss);
    Some(Memory { rss, peak, page_tables: parse_status(&status, "VmPTE")? })
}

/// How many memory mappings this process has, where /proc tells it.
pub(crate) fn mappings() -> Option<u64> {
    Some(fs::read("/proc/self/maps").ok()?.iter().filter(|&&byte| byte == b'\n').count() as u64)
}

/// How many memory mappings a process may have, where the system limits them.
pub(crate) fn most_mappings() -> Option<u64> {
    fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

/// Memory in KiB that programs can have without pushing others out, where /proc tells it.
pub(crate) fn available_kib() -> Option<u64> {
    parse_status(&fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable")
}

/// How many descriptors this process has open, where the system tells it.
pub(crate) fn open_descriptors() -> Option<u64> {
    let folder = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    // The descriptor that reads the folder is in it too.
    Some((fs::read_dir(folder).ok()?.count() as u64).saturating_sub(1))
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut bounds = text.split_whitespace();
    let low = bounds.next()?.parse().ok()?;
    let high = bounds.next()?.parse().ok()?;
    (low <= high).then_some(low..=high)
}

/// The list is of ports and of ranges, "8080,9000-9100".
fn parse_reserved(text: &str, range: &RangeInclusive<u16>) -> u32 {
    let within = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let low = low.trim().parse::<u16>().ok()?.max(*range.start());
        let high = high.trim().parse::<u16>().ok()?.min(*range.end());
        (low <= high).then(|| u32::from(high) - u32::from(low) + 1)
    };
    text.split(',').filter_map(within).sum()
}

fn parse_time_wait(text: &str) -> u32 {
    let tcp = text.lines().find_map(|line| line.strip_prefix("TCP:")).unwrap_or("");
    let mut words = tcp.split_whitespace();
    words.find(|&word| word == "tw");
    words.next().and_then(|count| count.parse().ok()).unwrap_or(0)
}

/// The file has a line of names and a line of numbers for each group.
fn parse_netstat(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.split(':').next() == Some(group));
    let names = lines.next()?.split_whitespace();
    let numbers = lines.next()?.split_whitespace();
    let (_, number) = names.zip(numbers).find(|&(candidate, _)| candidate == name)?;
    number.parse().ok()
}

fn parse_status(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.split(':').next() == Some(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_range_is_read_and_nonsense_is_not() {
        assert_eq!(parse_range("32768\t60999\n"), Some(32_768..=60_999));
        assert_eq!(parse_range("60999 32768"), None);
        assert_eq!(parse_range(""), None);
    }

    #[test]
    fn only_reserved_ports_of_the_range_count() {
        let range = 1000..=1999;
        assert_eq!(parse_reserved("\n", &range), 0);
        assert_eq!(parse_reserved("80,1500,1990-2010,900-1001", &range), 1 + 10 + 2);
    }

    #[test]
    fn time_wait_is_found_in_sockstat() {
        let text = "sockets: used 9\nTCP: inuse 5 orphan 0 tw 321 alloc 7 mem 1\nUDP: inuse 0\n";
        assert_eq!(parse_time_wait(text), 321);
        assert_eq!(parse_time_wait(""), 0);
    }

    #[test]
    fn a_counter_is_found_in_netstat() {
        let text = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 22 33\n\
                    IpExt: InNoRoutes\nIpExt: 4\n";
        assert_eq!(parse_netstat(text, "TcpExt", "ListenOverflows"), Some(22));
        assert_eq!(parse_netstat(text, "IpExt", "InNoRoutes"), Some(4));
        assert_eq!(parse_netstat(text, "TcpExt", "Nothing"), None);
    }

    #[test]
    fn only_what_came_since_counts() {
        let (then, now) =
            (TurnedAway { overflows: 3, drops: 5 }, TurnedAway { overflows: 4, drops: 9 });
        assert_eq!(now.since(then), TurnedAway { overflows: 1, drops: 4 });
    }

    #[test]
    fn memory_is_found_in_status() {
        let text = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!(parse_status(text, "VmRSS"), Some(1024));
        assert_eq!(parse_status(text, "VmHWM"), Some(2048));
        assert_eq!(parse_status(text, "VmSwap"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_mappings_within_what_the_host_has() {
        let memory = memory().unwrap();
        assert!(memory.rss > 100 && memory.peak >= memory.rss && memory.page_tables > 0);
        assert!(available_kib().unwrap() > 0);
        let mappings = mappings().unwrap();
        assert!(mappings > 5 && mappings < most_mappings().unwrap());
    }

    #[test]
    fn a_new_descriptor_is_counted() {
        let before = open_descriptors().unwrap();
        let files: Vec<_> = (0..200).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        // Other tests of this process open and close a few meanwhile.
        assert!(open_descriptors().unwrap() > before + 100);
        drop(files);
    }
}
