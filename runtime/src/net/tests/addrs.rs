//! `ToSocketAddrs` for every type that std has it for, with std's results.

use std::io::ErrorKind;
use std::net::{self, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::{assert_kind, within_patience};
use crate::net::ToSocketAddrs;

#[track_caller]
fn same<A: ToSocketAddrs + net::ToSocketAddrs + ?Sized>(addr: &A) {
    let ours: Vec<_> = ToSocketAddrs::to_socket_addrs(addr).unwrap().collect();
    let std: Vec<_> = net::ToSocketAddrs::to_socket_addrs(addr).unwrap().collect();
    assert_eq!(ours, std);
    assert!(!ours.is_empty());
}

#[test]
fn every_type_gives_what_std_gives() {
    within_patience(|| {
        let v4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
        let v6 = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 2, 3, 4);
        same(&v4);
        same(&v6);
        same(&SocketAddr::V4(v4));
        same(&SocketAddr::V6(v6));
        same(&(IpAddr::V4(Ipv4Addr::LOCALHOST), 80));
        same(&(IpAddr::V6(Ipv6Addr::LOCALHOST), 80));
        same(&(Ipv4Addr::LOCALHOST, 80));
        same(&(Ipv6Addr::LOCALHOST, 80));
        same(&("127.0.0.1", 80));
        same(&("::1", 80));
        same(&("localhost", 80));
        same(&("localhost".to_owned(), 80));
        same("127.0.0.1:80");
        same("[::1]:80");
        same("localhost:80");
        same(&"localhost:80".to_owned());
        same(&&[v4.into(), v6.into()][..]);
        same(&&&v4);
    });
}

#[test]
fn what_is_no_address_fails_as_in_std() {
    within_patience(|| {
        for text in ["127.0.0.1", "127.0.0.1:99999", "", ":", "localhost:port"] {
            let std = net::ToSocketAddrs::to_socket_addrs(text).unwrap_err();
            assert_kind(text.to_socket_addrs(), std.kind());
        }
        assert_kind("a\0b:80".to_socket_addrs(), ErrorKind::InvalidInput);
    });
}
