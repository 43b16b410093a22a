//! What is accepted, what is refused with which words, and what the help tells.

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::from(std::iter::once("lif-stress").chain(line.split_whitespace()))
}

#[test]
fn the_parser_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_are_those_of_the_earlier_report() {
    let run = parse("").unwrap().run;
    assert_eq!((run.clients, run.messages(), run.size), (10_000, 1, 64));
    assert_eq!((run.batch, run.batch_delay, run.timeout(), run.workers()), (100, 5, 45, 4));
    assert_eq!((run.port, run.hold, run.scenario().name), (0, 0, "echo"));
}

#[test]
fn a_scenario_brings_its_number_of_messages() {
    assert_eq!(parse("--scenario churn").unwrap().run.messages(), 10);
    assert_eq!(parse("--scenario churn --messages 3").unwrap().run.messages(), 3);
}

#[test]
fn a_crowd_has_defaults_of_its_own() {
    let run = parse("--scenario park").unwrap().run;
    assert_eq!((run.coroutines, run.stack, run.timeout()), (1_000_000, 65_536, 120));
    let run = parse("--scenario sleep --timeout 9 --workers 3 --seed 5").unwrap().run;
    assert_eq!((run.spread, run.seed), (10_000, Some(5)));
    assert_eq!((run.timeout(), run.workers()), (9, 3));
}

#[test]
fn an_option_of_another_scenario_is_refused_and_named() {
    let others = |options: &[&'static str], scenarios: &[&str]| {
        for option in options {
            for scenario in scenarios {
                let line = format!("--scenario {scenario} --{option} 40000");
                let error = parse(&line).unwrap_err();
                assert_eq!(error.exit_code(), 2, "{line}");
                let text = error.to_string();
                assert!(text.contains(&format!("{scenario} has no use for --{option}")), "{text}");
            }
        }
    };
    others(&OF_CLIENTS[..4], &["park", "sleep"]);
    others(&OF_CLIENTS[4..7], &["park"]);
    others(&OF_CROWDS, &["echo", "churn", "idle", "slow", "pipeline"]);
    others(&OF_SLEEP, &["echo", "park"]);
    assert!(parse("--scenario park --client-processes 2").is_err());
    assert!(parse("--scenario park --client-workers 2").is_err());
}

#[test]
fn bad_values_are_refused_and_named() {
    for (line, word) in [
        ("--clients 0", "--clients"),
        ("--clients many", "--clients"),
        ("--clients -5", "-5"),
        ("--size 0", "--size"),
        ("--messages 0", "--messages"),
        ("--batch 0", "--batch"),
        ("--timeout 0", "--timeout"),
        ("--workers 0", "--workers"),
        ("--port 65536", "--port"),
        ("--scenario party", "pipeline"),
        ("--scenario slow --clients 1", "--clients 2"),
        ("--scenario park --coroutines 0", "--coroutines"),
        ("--scenario park --stack 100", "--stack"),
        ("--scenario sleep --spread 0", "--spread"),
        ("--what", "--what"),
        ("10000", "10000"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(word), "{line}: {error}");
    }
}

#[test]
fn the_help_names_every_option_and_no_inner_process() {
    let help = Cli::command().render_long_help().to_string();
    for option in [
        "--clients",
        "--messages",
        "--size",
        "--batch",
        "--batch-delay",
        "--timeout",
        "--workers",
        "--port",
        "--hold",
        "--scenario",
        "--json",
        "--coroutines",
        "--stack",
        "--spread",
        "--seed",
        "pipeline",
        "park",
        "sleep",
    ] {
        assert!(help.contains(option), "{option} is missing from\n{help}");
    }
    assert!(!help.contains("server  "), "{help}");
    for scenario in SCENARIOS.iter().filter(|scenario| scenario.messages != 1) {
        let default = format!("{} {}", scenario.name, scenario.messages);
        assert!(help.contains(&default), "{default} is missing from\n{help}");
    }
}
