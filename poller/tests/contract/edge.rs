//! Edge mode: when there is an event and when there is none; the ends of streams.

use std::io::{Read, Write};
use std::net::Shutdown;

use lif_poller::Interest;

use crate::common::{A, B, Fixture, drain, fill, first, tcp_pair, unix_pair, watched};

#[test]
fn data_is_reported_once_and_new_data_again() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.edge(&near, A, Interest::READ);
        f.silent();
        for round in 0..3 {
            far.write_all(b"x").unwrap();
            let events = f.next();
            assert_eq!(events.len(), 1, "round {round}");
            assert!(events[0].is_readable() && !events[0].is_writable());
            assert_eq!(events[0].token(), A);
            // Unread data is no new data.
            f.silent();
        }
        assert_eq!(drain(&near), 3);
        f.silent();
    });
}

#[test]
fn data_that_came_before_the_registration_is_reported() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        far.write_all(b"early").unwrap();
        f.edge(&near, A, Interest::READ);
        assert!(f.next()[0].is_readable());
    });
}

#[test]
fn space_is_reported_when_it_comes_free() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, far) = unix_pair();
        far.set_nonblocking(true).unwrap();
        f.edge(&near, A, Interest::WRITE);
        assert!(f.next()[0].is_writable(), "an empty buffer has space");
        f.silent();
        fill(&near);
        f.silent();
        drain(&far);
        let events = f.next();
        assert!(events.iter().all(|event| event.token() == A && !event.is_read_closed()));
        first(&events, |event| event.is_writable());
    });
}

#[test]
fn both_interests_report_both() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.edge(&near, A, Interest::BOTH);
        first(&f.next(), |event| event.is_writable());
        far.write_all(b"x").unwrap();
        first(&f.next(), |event| event.is_readable());
        f.silent();
    });
}

#[test]
fn half_close_is_readable_and_read_closed() {
    watched(|| {
        let mut f = Fixture::new();
        for kind in ["unix", "tcp"] {
            let (unix, tcp) = (unix_pair(), tcp_pair());
            if kind == "unix" {
                f.edge(&unix.0, A, Interest::READ);
                unix.1.shutdown(Shutdown::Write).unwrap();
            } else {
                f.edge(&tcp.0, A, Interest::READ);
                tcp.1.shutdown(Shutdown::Write).unwrap();
            }
            let event = first(&f.next(), |event| event.is_read_closed());
            assert!(event.is_readable(), "{kind}: {event:?}");
            assert!(!event.is_error() && !event.is_write_closed(), "{kind}: {event:?}");
            f.silent();
        }
    });
}

#[test]
fn data_and_the_end_may_come_in_one_event() {
    watched(|| {
        let mut f = Fixture::new();
        let (mut near, mut far) = unix_pair();
        f.edge(&near, A, Interest::READ);
        far.write_all(b"last words").unwrap();
        drop(far);
        let event = first(&f.next(), |event| event.is_read_closed());
        assert!(event.is_readable());
        let mut all = String::new();
        near.read_to_string(&mut all).unwrap();
        assert_eq!(all, "last words");
    });
}

#[test]
fn closed_peer_is_readable_writable_and_closed() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, far) = unix_pair();
        f.edge(&near, A, Interest::BOTH);
        first(&f.next(), |event| event.is_writable());
        drop(far);
        let events = f.next();
        first(&events, |event| event.is_read_closed());
        let event = first(&events, |event| event.is_write_closed());
        assert!(event.is_hup() && event.is_readable() && event.is_writable(), "{event:?}");
    });
}

#[test]
fn two_descriptors_keep_their_tokens() {
    watched(|| {
        let mut f = Fixture::new();
        let ((near_a, mut far_a), (near_b, mut far_b)) = (unix_pair(), unix_pair());
        f.edge(&near_a, A, Interest::READ);
        f.edge(&near_b, B, Interest::READ);
        far_b.write_all(b"b").unwrap();
        assert_eq!(f.next().iter().map(|event| event.token()).collect::<Vec<_>>(), [B]);
        far_a.write_all(b"a").unwrap();
        assert_eq!(f.next().iter().map(|event| event.token()).collect::<Vec<_>>(), [A]);
    });
}

#[test]
fn more_events_than_room_come_over_several_waits() {
    use lif_poller::{Events, Token};
    use std::time::Duration;
    watched(|| {
        const PAIRS: u32 = 50;
        let f = Fixture::new();
        let mut pairs: Vec<_> = (0..PAIRS).map(|_| unix_pair()).collect();
        for (slot, (near, far)) in (0..).zip(&mut pairs) {
            f.edge(&*near, Token::new(slot, 3), Interest::READ);
            far.write_all(b"x").unwrap();
        }
        let mut few = Events::with_capacity(4);
        let mut seen = Vec::new();
        loop {
            f.poller.wait(&mut few, Some(Duration::ZERO)).unwrap();
            assert!(few.len() <= few.capacity());
            if few.is_empty() {
                break;
            }
            seen.extend(few.iter().map(|event| event.token().slot));
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..PAIRS).collect::<Vec<_>>(), "each once");
    });
}
