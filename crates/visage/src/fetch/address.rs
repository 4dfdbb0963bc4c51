//! Which addresses anybody may send this server to: only those of the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks over IPv4 that are not the public internet, or that are a cloud's own services (first address, prefix length).
const FORBIDDEN_V4: &[(Ipv4Addr, u32)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),            // this host
    (Ipv4Addr::new(10, 0, 0, 0), 8),       // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),    // behind a carrier's NAT; some clouds' metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),      // loopback
    (Ipv4Addr::new(168, 63, 129, 16), 32), // a public number that is a cloud's own host service
    (Ipv4Addr::new(169, 254, 0, 0), 16),   // link-local; most clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),    // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),     // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),     // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),   // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),   // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),    // benchmarking
    (Ipv4Addr::new(198, 51, 100, 0), 24),  // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),   // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),      // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),      // reserved, broadcast
];

/// What of the global unicast addresses of IPv6 is not the public internet.
const FORBIDDEN_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo, benchmarking
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: an IPv4 address is in it
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// All of IPv6 that is handed out for the public internet.
const GLOBAL_UNICAST: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Addresses that a NAT64 gateway turns into the IPv4 address at their end.
const NAT64: (Ipv6Addr, u32) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Whether this is an address of the public internet.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !FORBIDDEN_V4.iter().any(|network| holds_v4(*network, address))
}

/// What IPv4 address a packet ends at is what counts, when there is one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    if holds_v6(NAT64, address) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    holds_v6(GLOBAL_UNICAST, address)
        && !FORBIDDEN_V6.iter().any(|network| holds_v6(*network, address))
        && !is_isatap(address)
}

/// ISATAP tunnels to the IPv4 address at the end, whatever the network.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [_, _, _, _, scope, marker, ..] = address.segments();
    marker == 0x5efe && scope & 0xfdff == 0
}

fn holds_v4((network, prefix): (Ipv4Addr, u32), address: Ipv4Addr) -> bool {
    (network.to_bits() ^ address.to_bits()).leading_zeros() >= prefix
}

fn holds_v6((network, prefix): (Ipv6Addr, u32), address: Ipv6Addr) -> bool {
    (network.to_bits() ^ address.to_bits()).leading_zeros() >= prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(addresses: &str, expected: bool) {
        for text in addresses.split_whitespace() {
            assert_eq!(is_public(text.parse().unwrap()), expected, "{text}");
        }
    }

    #[test]
    fn addresses_of_the_public_internet_are_allowed_up_to_the_edge_of_what_is_not() {
        check(
            "1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0
             168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0
             192.0.1.255 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
             198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255
             2000:: 2001:200:: 2001:4860:4860::8888 2001:db7:ffff:: 2001:db9:: 2003:: 2606:4700:4700::1111 2a00:1450::1
             3ffe:ffff::1 3fff:1000::1 ::ffff:8.8.8.8 64:ff9b::8.8.8.8",
            true,
        );
    }

    #[test]
    fn networks_over_ipv4_that_are_not_public_are_refused() {
        check(
            "0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.0.0.1 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255
             127.0.0.0 127.0.0.1 127.1.2.3 127.255.255.255 168.63.129.16 169.254.0.0 169.254.169.254 169.254.170.2
             169.254.255.255 172.16.0.0 172.17.0.1 172.31.255.255 192.0.0.0 192.0.0.8 192.0.0.170 192.0.0.192 192.0.0.255
             192.0.2.0 192.0.2.255 192.88.99.0 192.88.99.1 192.88.99.255 192.168.0.0 192.168.1.1 192.168.255.255
             198.18.0.0 198.19.255.255 198.51.100.0 198.51.100.255 203.0.113.0 203.0.113.255 224.0.0.0 224.0.0.1
             239.255.255.255 240.0.0.0 250.1.2.3 255.255.255.254 255.255.255.255",
            false,
        );
    }

    #[test]
    fn networks_over_ipv6_that_are_not_public_are_refused() {
        check(
            ":: ::1 ::2 100::1 1fff:ffff::1 2001:: 2001:0:4136:e378::1 2001:2::1 2001:10::1 2001:20::1 2001:1ff:ffff::1
             2001:db8:: 2001:db8:ffff::1 2002:: 2002:7f00:1:: 2002:a00:1::1 2002:808:808::1 3fff:: 3fff:fff:ffff::1 4000::
             5f00::1 8000::1 fc00:: fd00:ec2::254 fdff:ffff::1 fe00::1 fe80::1 fe80::a9fe:a9fe febf::1 fec0::1 feff::1
             ff00:: ff02::1 ff0e::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            false,
        );
    }

    #[test]
    fn an_address_over_ipv4_inside_one_over_ipv6_is_no_way_round() {
        check(
            "::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:192.168.0.1 ::ffff:0.0.0.0
             ::ffff:100.64.0.1 ::ffff:0:127.0.0.1 ::127.0.0.1 ::8.8.8.8 ::169.254.169.254 64:ff9b::127.0.0.1
             64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b::192.168.0.1 64:ff9b:0:0:0:1:8.8.8.8 64:ff9b:1::8.8.8.8
             64:ff9b:1::127.0.0.1 64:ff9b:1:ffff::10.0.0.1 64:ff9a::8.8.8.8 2002:c0a8:101:: 2001:0:808:808::
             2606:4700::5efe:7f00:1 2606:4700::200:5efe:7f00:1",
            false,
        );
    }
}
