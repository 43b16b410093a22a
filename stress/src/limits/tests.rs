//! The arithmetic of the limits, at and around each of them.

use super::*;

fn demand(clients: u64) -> Demand {
    Demand {
        clients,
        connections: clients,
        burst: 100,
        server_workers: 4,
        client_workers: 0,
        processes: 0,
        port: 0,
    }
}

fn supply(descriptors: u64) -> Supply {
    let ports = Ports { range: 32_768..=60_999, reserved: 0, time_wait: 0, reuse: true };
    Supply { descriptors, ports, listen_queue: 4096, cpus: 2 }
}

#[test]
fn ten_thousand_clients_fit_under_12288_descriptors() {
    let plan = plan(&demand(10_000), &supply(12_288)).unwrap();
    assert_eq!(plan, Plan { processes: 1, client_workers: 1, listeners: 1 });
}

#[test]
fn what_the_server_cannot_open_is_refused_with_the_number_that_fits() {
    let refusal = plan(&demand(20_000), &supply(12_288)).unwrap_err();
    let Refusal::Descriptors { process: "server", needed, allowed: 12_288, clients } = refusal
    else {
        panic!("{refusal:?}");
    };
    assert!(needed > 20_000);
    assert!(refusal.to_string().contains(&format!("--nofile={needed}:{needed}")));
    assert!(plan(&demand(clients), &supply(12_288)).is_ok());
    // One more may fit, because a smaller run also listens on fewer ports.
    assert!(plan(&demand(clients + 2), &supply(12_288)).is_err());
    assert!(plan(&demand(20_000), &supply(needed)).is_ok());
}

#[test]
fn clients_are_spread_over_as_many_processes_as_their_limit_asks_for() {
    let mut demand = demand(9_000);
    demand.client_workers = 300;
    let plan = plan(&demand, &supply(10_000)).unwrap();
    assert_eq!(plan.processes, 2);
}

#[test]
fn a_chosen_number_of_processes_is_kept_but_none_is_idle() {
    let mut demand = demand(3);
    demand.processes = 8;
    assert_eq!(plan(&demand, &supply(1024)).unwrap().processes, 3);
}

#[test]
fn processors_are_shared_between_client_processes() {
    let mut wide = supply(1 << 20);
    wide.cpus = 16;
    let mut demand = demand(1000);
    assert_eq!(plan(&demand, &wide).unwrap().client_workers, 8);
    demand.processes = 4;
    assert_eq!(plan(&demand, &wide).unwrap().client_workers, 2);
    demand.client_workers = 5;
    assert_eq!(plan(&demand, &wide).unwrap().client_workers, 5);
}

#[test]
fn more_connections_get_more_ports_to_connect_to() {
    let plan_for = |clients| plan(&demand(clients), &supply(1 << 20)).unwrap().listeners;
    assert_eq!(plan_for(14_000), 1);
    assert_eq!(plan_for(15_000), 2);
    assert_eq!(plan_for(100_000), 8);
}

#[test]
fn those_who_come_at_once_fit_the_queues_of_all_listeners() {
    let mut demand = demand(10_000);
    demand.burst = 10_000;
    assert_eq!(plan(&demand, &supply(12_288)).unwrap().listeners, 3);
    let mut short = supply(12_288);
    short.listen_queue = 16;
    assert_eq!(plan(&demand, &short).unwrap().listeners, MOST_LISTENERS);
}

#[test]
fn too_few_ports_are_refused_with_the_range_to_set() {
    let mut narrow = supply(20_000);
    narrow.ports.range = 40_000..=40_099;
    let refusal = plan(&demand(10_000), &narrow).unwrap_err();
    assert_eq!(refusal, Refusal::Ports { needed: 10_000, available: 6_400, resting: false });
    assert!(refusal.to_string().contains("ip_local_port_range"));
    assert!(plan(&demand(6_400), &narrow).is_ok());
    narrow.ports.reserved = 50;
    assert!(plan(&demand(6_400), &narrow).is_err());
}

#[test]
fn churn_beyond_the_ports_asks_for_reuse() {
    let mut churn = demand(1000);
    churn.connections = 10_000_000;
    let mut host = supply(20_000);
    assert_eq!(plan(&churn, &host).unwrap().listeners, MOST_LISTENERS);
    host.ports.reuse = false;
    let refusal = plan(&churn, &host).unwrap_err();
    assert!(matches!(refusal, Refusal::Ports { resting: true, .. }));
    assert!(refusal.to_string().contains("tcp_tw_reuse"));
}

#[test]
fn ports_at_rest_count_only_for_a_fixed_port_without_reuse() {
    let mut host = supply(20_000);
    host.ports.range = 40_000..=40_999;
    host.ports.time_wait = 999;
    let mut few = demand(100);
    assert!(plan(&few, &host).is_ok());
    host.ports.reuse = false;
    assert!(plan(&few, &host).is_ok());
    few.port = 7000;
    let refusal = plan(&few, &host).unwrap_err();
    assert_eq!(refusal, Refusal::Ports { needed: 100, available: 64, resting: true });
}

#[test]
fn the_last_port_is_checked() {
    let mut last = demand(100);
    last.port = 65_535;
    assert!(plan(&last, &supply(20_000)).is_ok());
    last.clients = 15_000;
    last.connections = 15_000;
    let refusal = plan(&last, &supply(20_000)).unwrap_err();
    assert_eq!(refusal, Refusal::LastPort { first: 65_535, listeners: 2 });
    assert!(refusal.to_string().contains("--port 65534"));
}
