//! One-shot mode: an event, then nothing until it is armed again.

use std::io::Write;
use std::net::Shutdown;

use lif_poller::Interest;

use crate::common::{A, B, Fixture, drain, fill, first, unix_pair, watched};

#[test]
fn fires_once_until_armed_again() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.one_shot(&near, A, Interest::READ);
        far.write_all(b"x").unwrap();
        assert!(f.next()[0].is_readable());
        far.write_all(b"y").unwrap();
        f.silent();
        // What is still unread counts: arming looks at the state, not at changes.
        f.one_shot(&near, B, Interest::READ);
        let events = f.next();
        assert_eq!((events.len(), events[0].token()), (1, B));
        f.silent();
    });
}

#[test]
fn armed_again_without_data_waits_for_data() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        for round in 0..3 {
            f.one_shot(&near, A, Interest::READ);
            f.silent();
            far.write_all(b"x").unwrap();
            assert_eq!(f.next().len(), 1, "round {round}");
            drain(&near);
        }
        f.silent();
    });
}

#[test]
fn rest_of_the_interest_is_armed_by_adding_it_again() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        fill(&near);
        f.one_shot(&near, A, Interest::BOTH);
        f.silent();
        far.write_all(b"x").unwrap();
        first(&f.next(), |event| event.is_readable());
        // Reading is served; writing is still wanted.
        f.one_shot(&near, B, Interest::WRITE);
        f.silent();
        far.set_nonblocking(true).unwrap();
        drain(&far);
        let events = f.next();
        assert!(events.iter().all(|event| event.token() == B), "{events:?}");
        assert!(events[0].is_writable());
        f.silent();
    });
}

#[test]
fn writing_isnt_disturbed_by_the_end_of_reading() {
    watched(|| {
        let mut f = Fixture::new();
        let (near, far) = unix_pair();
        far.shutdown(Shutdown::Write).unwrap();
        fill(&near);
        f.one_shot(&near, A, Interest::WRITE);
        f.silent();
        far.set_nonblocking(true).unwrap();
        drain(&far);
        assert!(f.next()[0].is_writable());
    });
}

#[test]
fn deleted_one_shot_stays_silent() {
    use std::os::fd::AsFd;
    watched(|| {
        let mut f = Fixture::new();
        let (near, mut far) = unix_pair();
        f.one_shot(&near, A, Interest::READ);
        f.poller.delete(near.as_fd()).unwrap();
        far.write_all(b"x").unwrap();
        f.silent();
    });
}
