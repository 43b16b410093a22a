//! Adding and deleting: what a later registration may never see of an earlier one.

use std::io::Write;
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};

use lif_poller::{Interest, Mode, Poller, Token};

use crate::common::{A, B, Fixture, unix_pair, watched};

#[test]
fn deleted_descriptor_is_silent() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.edge(&near, A, Interest::BOTH);
        f.poller.delete(near.as_fd()).unwrap();
        far.write_all(b"x").unwrap();
        f.silent();
    });
}

#[test]
fn deleting_twice_or_what_was_never_added_succeeds() {
    let f = Fixture::new();
    let (near, _far) = unix_pair();
    f.poller.delete(near.as_fd()).unwrap();
    f.edge(&near, A, Interest::READ);
    f.poller.delete(near.as_fd()).unwrap();
    f.poller.delete(near.as_fd()).unwrap();
}

#[test]
fn adding_again_replaces_the_token() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.edge(&near, A, Interest::READ);
        far.write_all(b"x").unwrap();
        // The event of the first registration was pending; the second one takes its place.
        f.edge(&near, B, Interest::READ);
        let events = f.next();
        assert_eq!(events.iter().map(|event| event.token()).collect::<Vec<_>>(), [B]);
        f.silent();
    });
}

#[test]
fn adding_again_replaces_the_interest() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.edge(&near, A, Interest::BOTH);
        f.edge(&near, A, Interest::READ);
        f.silent();
        f.edge(&near, A, Interest::WRITE);
        let events = f.next();
        assert!(events.len() == 1 && events[0].is_writable());
        far.write_all(b"x").unwrap();
        assert!(f.now().iter().all(|event| !event.is_readable()));
    });
}

#[test]
fn adding_again_reports_anew_what_is_ready() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        far.write_all(b"x").unwrap();
        for round in 0..3 {
            f.edge(&near, A, Interest::READ);
            assert_eq!(f.next().len(), 1, "round {round}");
            f.silent();
        }
    });
}

#[test]
fn empty_interest_only_deletes() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, far) = unix_pair();
        f.edge(&near, A, Interest::READ);
        f.edge(&near, A, Interest::NONE);
        drop(far);
        f.silent();
    });
}

#[test]
fn closing_ends_a_registration() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.edge(&near, A, Interest::READ);
        far.write_all(b"x").unwrap();
        drop(near);
        f.silent();
    });
}

#[test]
fn reused_fd_number_gets_no_old_event() {
    watched(|| {
        let mut f = Fixture::new();
        let mut reused = 0;
        for _ in 0..100 {
            let (near, mut far) = unix_pair();
            let number = near.as_raw_fd();
            f.edge(&near, A, Interest::READ);
            far.write_all(b"old").unwrap();
            drop(near);
            let fresh = UdpSocket::bind("127.0.0.1:0").unwrap();
            reused += u32::from(fresh.as_raw_fd() == number);
            f.edge(&fresh, B, Interest::READ);
            f.silent();
            fresh.send_to(b"new", fresh.local_addr().unwrap()).unwrap();
            assert!(f.next().iter().all(|event| event.token() == B && event.is_readable()));
        }
        // Other tests open descriptors, too, so the number isn't always the same.
        assert!(reused > 0, "no number was ever given out again");
    });
}

#[test]
fn duplicate_kept_open_stays_silent_after_a_delete() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        let duplicate = near.try_clone().unwrap();
        f.edge(&near, A, Interest::READ);
        far.write_all(b"x").unwrap();
        f.poller.delete(near.as_fd()).unwrap();
        drop(near);
        f.silent();
        far.write_all(b"y").unwrap();
        f.silent();
        drop(far);
        f.silent();
        // The duplicate is a descriptor of its own.
        f.edge(&duplicate, B, Interest::READ);
        assert!(f.next().iter().all(|event| event.token() == B));
    });
}

#[test]
fn duplicates_are_registered_apart() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        let duplicate = near.try_clone().unwrap();
        f.edge(&near, A, Interest::READ);
        f.edge(&duplicate, B, Interest::READ);
        f.poller.delete(duplicate.as_fd()).unwrap();
        far.write_all(b"x").unwrap();
        assert_eq!(f.next().iter().map(|event| event.token()).collect::<Vec<_>>(), [A]);
    });
}

#[test]
fn one_descriptor_serves_two_pollers() {
    watched(|| {
        let (mut f, mut g) = (Fixture::new(), Fixture::new());
        let (near, mut far) = unix_pair();
        f.edge(&near, A, Interest::READ);
        g.edge(&near, B, Interest::READ);
        far.write_all(b"x").unwrap();
        assert_eq!(f.next()[0].token(), A);
        assert_eq!(g.next()[0].token(), B);
        f.poller.delete(near.as_fd()).unwrap();
        far.write_all(b"y").unwrap();
        assert_eq!(g.next()[0].token(), B);
        f.silent();
    });
}

#[test]
fn token_comes_back_whole() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, _far) = unix_pair();
        for token in [Token::new(0, 0), Token::new(0, u32::MAX), Token::new(u32::MAX - 1, u32::MAX)]
        {
            f.edge(&near, token, Interest::WRITE);
            assert_eq!(f.next()[0].token(), token);
        }
    });
}

#[test]
#[should_panic(expected = "reserved for wake-ups")]
fn reserved_slot_panics() {
    let (near, _far) = unix_pair();
    let token = Token::new(Token::RESERVED_SLOT, 0);
    Poller::new().unwrap().add(near.as_fd(), token, Interest::READ, Mode::Edge).ok();
}

#[test]
fn poller_is_shared_by_threads() {
    fn shared<T: Send + Sync + std::fmt::Debug>() {}
    shared::<Poller>();
}
