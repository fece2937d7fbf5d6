//! Addresses that a record may lead to: those that the IANA special-purpose registries call globally reachable, without
//! multicast.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is on the public Internet. An IPv6 address that embeds an IPv4 address is judged by that.
pub(super) fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_global_v4(address),
        IpAddr::V6(address) => is_global_v6(address),
    }
}

/// First address, prefix length (RFC 6890 and the registry that it made).
#[rustfmt::skip]
const NOT_GLOBAL_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),          // this network
    ([10, 0, 0, 0], 8),         // private
    ([100, 64, 0, 0], 10),      // shared, behind carriers' NAT
    ([127, 0, 0, 0], 8),        // loopback
    ([169, 254, 0, 0], 16),     // link-local, with the clouds' metadata
    ([172, 16, 0, 0], 12),      // private
    ([192, 0, 0, 0], 24),       // protocol assignments; the two global anycasts in it are no receivers
    ([192, 0, 2, 0], 24),       // documentation
    ([192, 88, 99, 0], 24),     // 6to4 relays, deprecated
    ([192, 168, 0, 0], 16),     // private
    ([198, 18, 0, 0], 15),      // benchmarks
    ([198, 51, 100, 0], 24),    // documentation
    ([203, 0, 113, 0], 24),     // documentation
    ([224, 0, 0, 0], 4),        // multicast
    ([240, 0, 0, 0], 4),        // reserved, limited broadcast
];

fn is_global_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    !NOT_GLOBAL_V4.iter().any(|(first, length)| {
        let first = u32::from(Ipv4Addr::from(*first));
        (bits ^ first) >> (32 - length) == 0
    })
}

/// Not global inside 2000::/3, the only global unicast space.
#[rustfmt::skip]
const NOT_GLOBAL_V6: &[(Ipv6Addr, u32)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),       // protocol assignments, Teredo, benchmarks
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),   // documentation
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),       // documentation
];

fn is_global_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = wrapped_v4(address) {
        return is_global_v4(inner);
    }
    let inside = |first: &Ipv6Addr, length: u32| {
        (u128::from(address) ^ u128::from(*first)) >> (128 - length) == 0
    };
    inside(&Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
        && !NOT_GLOBAL_V6
            .iter()
            .any(|(first, length)| inside(first, *length))
}

/// The embedded IPv4 address to which packets are translated.
fn wrapped_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match segments {
        // ::ffff:a.b.c.d, mapped (RFC 4291 section 2.5.5.2).
        [0, 0, 0, 0, 0, 0xffff, high, low] => Some(v4(high, low)),
        // 64:ff9b::a.b.c.d, NAT64 (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(v4(high, low)),
        // 2002:aabb:ccdd::, 6to4 (RFC 3056).
        [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        #[rustfmt::skip]
        let rows = [
            ("8.8.8.8", true, "public"),
            ("1.1.1.1", true, "public"),
            ("192.31.196.1", true, "AS112 is global"),
            ("0.0.0.0", false, "this host"),
            ("0.1.2.3", false, "this network"),
            ("9.255.255.255", true, "below 10/8"),
            ("10.0.0.1", false, "private"),
            ("11.0.0.0", true, "above 10/8"),
            ("100.63.255.255", true, "below shared"),
            ("100.64.0.1", false, "shared"),
            ("100.127.255.255", false, "shared, last"),
            ("100.128.0.0", true, "above shared"),
            ("127.0.0.1", false, "loopback"),
            ("127.255.255.254", false, "loopback, all of it"),
            ("169.254.169.254", false, "cloud metadata"),
            ("172.15.255.255", true, "below private"),
            ("172.16.0.1", false, "private"),
            ("172.31.255.255", false, "private, last"),
            ("172.32.0.0", true, "above private"),
            ("192.0.0.8", false, "protocol assignments"),
            ("192.0.2.1", false, "documentation"),
            ("192.88.99.1", false, "6to4 relay"),
            ("192.168.1.1", false, "private"),
            ("198.17.255.255", true, "below benchmarks"),
            ("198.18.0.1", false, "benchmarks"),
            ("198.19.255.255", false, "benchmarks, last"),
            ("198.51.100.7", false, "documentation"),
            ("203.0.113.7", false, "documentation"),
            ("224.0.0.1", false, "multicast"),
            ("239.255.255.255", false, "multicast, last"),
            ("240.0.0.1", false, "reserved"),
            ("255.255.255.255", false, "broadcast"),
            ("2606:4700:4700::1111", true, "public"),
            ("2a00:1450::1", true, "public"),
            ("::", false, "unspecified"),
            ("::1", false, "loopback"),
            ("::127.0.0.1", false, "IPv4-compatible loopback"),
            ("::8.8.8.8", false, "IPv4-compatible is no longer routed"),
            ("::ffff:127.0.0.1", false, "mapped loopback"),
            ("::ffff:10.0.0.1", false, "mapped private"),
            ("::ffff:169.254.169.254", false, "mapped metadata"),
            ("::ffff:8.8.8.8", true, "mapped public"),
            ("::ffff:0:8.8.8.8", false, "translated, not routed"),
            ("64:ff9b::10.0.0.1", false, "NAT64 of private"),
            ("64:ff9b::8.8.8.8", true, "NAT64 of public"),
            ("64:ff9b:1::8.8.8.8", false, "local NAT64"),
            ("100::1", false, "discard"),
            ("2001::1", false, "Teredo"),
            ("2001:2::1", false, "benchmarks"),
            ("2001:1ff:ffff::", false, "protocol assignments, last"),
            ("2001:200::1", true, "above protocol assignments"),
            ("2001:db8::1", false, "documentation"),
            ("2001:db9::1", true, "above documentation"),
            ("2002:7f00:1::", false, "6to4 of loopback"),
            ("2002:a00:1::", false, "6to4 of private"),
            ("2002:c0a8:101::1", false, "6to4 of private"),
            ("2002:808:808::1", true, "6to4 of public"),
            ("3fff::1", false, "documentation"),
            ("3fff:1000::", true, "above documentation"),
            ("4000::1", false, "unassigned"),
            ("5f00::1", false, "segment routing"),
            ("fc00::1", false, "unique local"),
            ("fdff::1", false, "unique local"),
            ("fe80::1", false, "link-local"),
            ("fec0::1", false, "site-local"),
            ("ff02::1", false, "multicast"),
        ];
        for (address, expected, why) in rows {
            assert_eq!(
                is_global(address.parse().unwrap()),
                expected,
                "{address}: {why}"
            );
        }
    }
}
