//! How far away an address is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far away an address is, by what its range is set aside for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// This host itself.
    Host,
    /// The same link, or a group of hosts: link-local, multicast, broadcast.
    Link,
    /// The same organisation, as a rule: RFC 1918, RFC 4193, and RFC 6598, which clouds use inside.
    Private,
    /// Anywhere.
    Public,
}

impl Reach {
    /// How far away an address is.
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [first, second, ..] = address.octets();
        // The kernel takes the unspecified address for its own.
        if address.is_loopback() || address.is_unspecified() {
            Self::Host
        } else if address.is_link_local() || address.is_multicast() || address.is_broadcast() {
            Self::Link
        } else if address.is_private() || (first == 100 && second & 0xc0 == 64) {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if address.is_loopback() || address.is_unspecified() {
            Self::Host
        } else if address.is_unicast_link_local() || address.is_multicast() {
            Self::Link
        } else if address.is_unique_local() {
            Self::Private
        } else {
            Self::Public
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_what_they_are_set_aside_for() {
        let expected = [
            ("127.0.0.53", Reach::Host),
            ("0.0.0.0", Reach::Host),
            ("::1", Reach::Host),
            ("::ffff:127.0.0.1", Reach::Host),
            ("169.254.169.254", Reach::Link),
            ("224.0.0.251", Reach::Link),
            ("fe80::1", Reach::Link),
            ("ff02::fb", Reach::Link),
            ("10.1.2.3", Reach::Private),
            ("172.31.0.1", Reach::Private),
            ("192.168.1.1", Reach::Private),
            ("100.127.255.255", Reach::Private),
            ("fd12::1", Reach::Private),
            ("172.32.0.1", Reach::Public),
            ("100.128.0.1", Reach::Public),
            ("203.0.113.7", Reach::Public),
            ("2001:db8::1", Reach::Public),
        ];
        for (address, reach) in expected {
            assert_eq!(Reach::of(address.parse().unwrap()), reach, "{address}");
        }
    }
}
