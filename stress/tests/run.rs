//! Whole runs of the program, with its processes, as a person starts them.
//!
//! Small loads: what is tested is that a run ends, how, and that it says the truth. Each is bounded
//! by the program's own `--timeout`.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Output};
use std::{env, fs};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_lif-stress");

fn run(line: &str) -> Output {
    Command::new(PROGRAM).args(line.split_whitespace()).args(["--timeout", "30"]).output().unwrap()
}

fn report(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn passes(line: &str) -> String {
    let output = run(line);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{line}\n{report}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().last(), Some("PASS"), "{report}");
    report
}

#[test]
fn every_scenario_passes() {
    for scenario in ["echo", "churn", "idle", "slow", "pipeline"] {
        passes(&format!("--clients 30 --scenario {scenario}"));
    }
}

#[test]
fn messages_of_any_size_come_back() {
    for size in [1, 7, 1023, 1024, 16_385, 65_536, 1_000_000] {
        let report = passes(&format!("--clients 5 --messages 3 --size {size}"));
        assert!(report.contains("15 of 15 verified"), "{report}");
    }
}

#[test]
fn several_client_processes_count_as_one() {
    let file = env::temp_dir().join(format!("lif-stress-{}.json", std::process::id()));
    passes(&format!(
        "--clients 50 --messages 4 --client-processes 3 --batch-delay 0 --json {}",
        file.display()
    ));
    let json: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    fs::remove_file(&file).unwrap();
    for (name, value) in [
        ("client_processes", 3),
        ("clients_peak", 50),
        ("clients_peak_at_clients", 50),
        ("messages_sent", 200),
        ("messages_received", 200),
        ("messages_verified", 200),
        ("latency_count", 200),
        ("failures_total", 0),
        ("server_bytes_echoed", 200 * 64),
        ("server_open_end", 0),
    ] {
        assert_eq!(json[name], value, "{name} in {json:#}");
    }
    assert!(json["wall_ms"].as_f64().unwrap() > 0.0);
    assert!(json["latency_p99_us"].as_f64().unwrap() > 0.0);
}

/// Runs with `--json`, expects PASS, and returns the JSON.
fn passes_with_json(line: &str, name: &str) -> Value {
    let file = env::temp_dir().join(format!("lif-stress-{name}-{}.json", std::process::id()));
    passes(&format!("{line} --json {}", file.display()));
    let json = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    fs::remove_file(&file).unwrap();
    json
}

fn expect(json: &Value, values: &[(&str, u64)]) {
    for &(name, value) in values {
        assert_eq!(json[name], value, "{name} in {json:#}");
    }
}

#[test]
fn two_thousand_park_and_each_is_woken_and_ended_once() {
    let json = passes_with_json("--scenario park --coroutines 2000 --workers 2", "park");
    let all = ["parked_at_once", "woken", "ended", "joined"];
    expect(&json, &all.map(|name| (name, 2000)));
    expect(&json, &[("woken_in_vain", 0), ("failures_total", 0), ("stack_bytes", 65_536)]);
    assert!(json["wake_ns_each"].as_f64().unwrap() > 0.0, "{json:#}");
    if cfg!(target_os = "linux") {
        assert!(json["resident_bytes_each"].as_u64().unwrap() >= 4096, "{json:#}");
    }
}

#[test]
fn two_thousand_sleep_at_once_and_none_wakes_early() {
    let line = "--scenario sleep --coroutines 2000 --workers 2 --spread 300 --seed 11";
    let json = passes_with_json(line, "sleep");
    let all = ["parked_at_once", "asleep_at_once", "woken", "ended", "joined", "lateness_count"];
    expect(&json, &all.map(|name| (name, 2000)));
    expect(&json, &[("early", 0), ("woken_in_vain", 0), ("seed", 11), ("spread_ms", 300)]);
}

#[test]
fn a_crowd_that_takes_too_long_fails_and_says_in_which_phase() {
    // The last deadline is far beyond the time that the run has.
    let line = "--scenario sleep --coroutines 50 --spread 3600000 --timeout 1";
    let output = Command::new(PROGRAM).args(line.split_whitespace()).output().unwrap();
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report.contains("sleeping took too long"), "{report}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().last(), Some("FAIL"), "{report}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_crowd_beyond_the_hosts_memory_is_refused_with_the_number_that_fits() {
    // With stacks that take two page tables each, this needs half a terabyte.
    let output = run("--scenario park --coroutines 40000000 --stack 1073741824");
    let report = report(&output);
    assert_eq!(output.status.code(), Some(2), "{report}");
    assert!(report.contains("MemAvailable"), "{report}");
    assert!(report.contains("--coroutines "), "{report}");
}

#[cfg(target_os = "linux")]
#[test]
fn guards_that_are_mappings_are_counted_before_the_run() {
    let limit = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let too_many = limit.trim().parse::<u64>().unwrap() / 2;
    let park = |coroutines: u64| {
        let line = format!("--scenario park --coroutines {coroutines} --timeout 30");
        let program = &mut Command::new(PROGRAM);
        let program = program.env("LIF_STACK_GUARD", "mprotect");
        program.args(line.split_whitespace()).output().unwrap()
    };
    let output = park(1_000);
    assert_eq!(output.status.code(), Some(0), "{}", report(&output));
    if too_many > 200_000 {
        // A host whose limit was raised: so many coroutines are no matter for a test.
        return;
    }
    let output = park(too_many);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(2), "{report}");
    assert!(report.contains("sysctl -w vm.max_map_count="), "{report}");
}

#[test]
fn an_option_of_another_scenario_is_refused() {
    let output = run("--scenario park --clients 10");
    assert_eq!(output.status.code(), Some(2));
    assert!(report(&output).contains("no use for --clients"), "{}", report(&output));
}

#[test]
fn too_few_descriptors_are_refused_with_the_command_that_helps() {
    let script = format!("ulimit -n 150 && exec '{PROGRAM}' --clients 140");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let report = report(&output);
    assert_eq!(output.status.code(), Some(2), "{report}");
    assert!(report.contains("hard limit is 150"), "{report}");
    assert!(report.contains("--nofile="), "{report}");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let output = run(&format!("--clients 3 --port {port}"));
    let report = report(&output);
    assert_eq!(output.status.code(), Some(2), "{report}");
    assert!(report.contains(&format!("port {port}")), "{report}");
}

#[test]
fn bad_arguments_are_refused() {
    for line in ["--clients 0", "--size 0", "--scenario none", "--nonsense"] {
        let output = run(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(!output.stderr.is_empty(), "{line}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_process_outlives_the_one_that_was_started() {
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    /// Processes that were started by `parent` and have not ended.
    fn children(parent: u32) -> usize {
        let mark = format!("--parent\0{parent}\0");
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.map(|entry| fs::read(entry.path().join("cmdline")));
        lines.flatten().filter(|line| String::from_utf8_lossy(line).contains(&mark)).count()
    }
    fn wait_for(parent: u32, number: usize) {
        let until = Instant::now() + Duration::from_secs(20);
        while children(parent) != number {
            assert!(Instant::now() < until, "{} children, not {number}", children(parent));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    let mut program = Command::new(PROGRAM)
        .args(["--clients", "10", "--client-processes", "2", "--hold", "60"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(program.id(), 3);
    program.kill().unwrap();
    program.wait().unwrap();
    wait_for(program.id(), 0);
}
