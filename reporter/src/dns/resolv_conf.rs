//! `resolv.conf` as the C library reads it (resolv.conf(5)): unknown lines are skipped, and a file without a server
//! means this host. All queries here are for absolute names, so `domain`, `search` and `ndots` have no effect.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
    time::Duration,
};

/// MAXNS of resolv.h: further servers are not asked.
const MAX_SERVERS: usize = 3;
/// RES_MAXRETRANS, in seconds.
const MAX_TIMEOUT: u64 = 30;
/// RES_MAXRETRY.
const MAX_ATTEMPTS: u32 = 5;
const PORT: u16 = 53;

/// The servers to ask, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResolvConf {
    /// In the order in which they are asked; never empty.
    pub(super) servers: Vec<SocketAddr>,
    /// The wait for one server.
    pub(super) timeout: Duration,
    /// How often all of them are asked, while none answers.
    pub(super) attempts: u32,
    /// Each question begins with another server.
    pub(super) rotate: bool,
    /// TCP from the start.
    pub(super) use_vc: bool,
    /// The file named no server that can be asked.
    pub(super) is_local: bool,
}

impl Default for ResolvConf {
    fn default() -> ResolvConf {
        ResolvConf {
            servers: Vec::new(),
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
            use_vc: false,
            is_local: false,
        }
    }
}

impl ResolvConf {
    /// What a file says, and `RES_OPTIONS` of the environment after it.
    pub(super) fn parse(file: &[u8], res_options: &str) -> ResolvConf {
        let mut conf = ResolvConf::default();
        for line in file.split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            // The keyword stands at the very start of the line.
            let Some((keyword, rest)) = line.split_once([' ', '\t']) else {
                continue;
            };
            match keyword {
                "nameserver" => conf.server(rest),
                "options" => conf.options(rest),
                _ => {}
            }
        }
        conf.options(res_options);
        if conf.servers.is_empty() {
            conf.is_local = true;
            conf.servers = [
                IpAddr::from(Ipv4Addr::LOCALHOST),
                Ipv6Addr::LOCALHOST.into(),
            ]
            .map(|ip| SocketAddr::new(ip, PORT))
            .into();
        }
        conf
    }

    fn server(&mut self, rest: &str) {
        let address = rest.split_whitespace().next().and_then(server);
        if let Some(address) = address
            && self.servers.len() < MAX_SERVERS
        {
            self.servers.push(address);
        }
    }

    fn options(&mut self, rest: &str) {
        for option in rest.split_whitespace() {
            match option.split_once(':') {
                // As libc: at least one second.
                Some(("timeout", number)) => {
                    let seconds = leading_number(number).clamp(1, MAX_TIMEOUT);
                    self.timeout = Duration::from_secs(seconds);
                }
                Some(("attempts", number)) => {
                    let attempts = u32::try_from(leading_number(number)).unwrap_or(MAX_ATTEMPTS);
                    self.attempts = attempts.clamp(1, MAX_ATTEMPTS);
                }
                None if option == "rotate" => self.rotate = true,
                None if option == "use-vc" => self.use_vc = true,
                // About search lists, addresses or DNSSEC; EDNS is used wherever a server takes it.
                _ => {}
            }
        }
    }
}

/// An address that packets can be sent to: 0.0.0.0 and :: mean this host.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let mut address = address;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

fn server(text: &str) -> Option<SocketAddr> {
    if let Some(ip) = inet_aton(text) {
        return Some(SocketAddr::new(ip.into(), PORT));
    }
    let (address, zone) = text.split_once('%').unwrap_or((text, ""));
    let ip: Ipv6Addr = address.parse().ok()?;
    Some(SocketAddrV6::new(ip, PORT, 0, scope(ip, zone)).into())
}

/// The interface of a link-local address, by name or number; 0 where there is none such.
fn scope(ip: Ipv6Addr, zone: &str) -> u32 {
    let by_name = ip
        .is_unicast_link_local()
        .then(|| nix::net::if_::if_nametoindex(zone).ok());
    by_name.flatten().or_else(|| zone.parse().ok()).unwrap_or(0)
}

/// inet_aton(3): one to four numbers, decimal, octal or hexadecimal, of which the last fills what is left.
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let number = |part: &str| match part.strip_prefix("0x").or(part.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if part.starts_with('0') && part.len() > 1 => u32::from_str_radix(part, 8).ok(),
        None if part.starts_with('+') => None,
        None => part.parse().ok(),
    };
    let parts: Vec<u32> = text.split('.').map(number).collect::<Option<_>>()?;
    let (last, bytes) = parts.split_last()?;
    if bytes.len() > 3 || bytes.iter().any(|byte| *byte > 255) {
        return None;
    }
    let room = 32 - 8 * bytes.len();
    if room < 32 && *last >> room != 0 {
        return None;
    }
    let begin = (0..).zip(bytes).map(|(at, byte)| byte << (24 - 8 * at));
    Some(Ipv4Addr::from_bits(begin.sum::<u32>() + last))
}

/// As atoi(3): what stands behind the digits does not matter.
fn leading_number(text: &str) -> u64 {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text[..end.unwrap_or(text.len())].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(file: &[u8]) -> Vec<String> {
        let conf = ResolvConf::parse(file, "");
        let text = |address: &SocketAddr| address.to_string();
        conf.servers.iter().map(text).collect()
    }

    /// Held against glibc 2.36 (`res_init`), but for the carriage return, which glibc trips over.
    #[test]
    fn servers_as_libc_takes_them() {
        let long = format!("nameserver 10.0.0.1\nsearch {}.example\n", "a".repeat(64));
        let local = &["127.0.0.1:53", "[::1]:53"][..];
        for (file, want, why) in [
            (&b""[..], local, "an empty file means this host"),
            (long.as_bytes(), &["10.0.0.1:53"], "a search list that is no name"),
            (b"domain \xff\nnameserver 10.0.0.1\n", &["10.0.0.1:53"], "bytes that are no text"),
            (
                b"nameserver 10.0.0.2\nnameserver 10.0.0.1",
                &["10.0.0.2:53", "10.0.0.1:53"],
                "in their order, and the last line without its end",
            ),
            (
                b"nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n",
                &["10.0.0.1:53", "10.0.0.2:53", "10.0.0.3:53"],
                "three",
            ),
            (b"nameserver 10.0.0.1 # ours\n", &["10.0.0.1:53"], "a remark"),
            (b"nameserver\t10.0.0.1\r\n", &["10.0.0.1:53"], "a tab, a carriage return"),
            (b"nameserver 127.1\n", &["127.0.0.1:53"], "inet_aton"),
            (b"nameserver 0x7f.1\nnameserver 010.1.1.1\n", &["127.0.0.1:53", "8.1.1.1:53"], "inet_aton"),
            (
                b"nameserver fe80::1%lo\nnameserver fe80::1%7\nnameserver fe80::1%nix\n",
                &["[fe80::1%1]:53", "[fe80::1%7]:53", "[fe80::1]:53"],
                "scopes",
            ),
            (b"#nameserver 10.0.0.1\n;nameserver 10.0.0.1\n", local, "remarks"),
            (b" nameserver 10.0.0.1\n", local, "indented"),
            (b"NAMESERVER 10.0.0.1\nnameserver=10.0.0.1\n", local, "no keyword"),
            (b"nameserver 10.0.0.1#53\nnameserver ns.example\nnameserver 10.0.0.256\n", local, "no address"),
            (b"nameserver 1.2.3.4.5\nnameserver +1.2.3.4\nnameserver\nnameserver \n", local, "nor these"),
        ] {
            assert_eq!(servers(file), want, "{why}");
        }
        assert!(ResolvConf::parse(b"", "").is_local);
        assert!(!ResolvConf::parse(b"nameserver 127.0.0.1", "").is_local);
    }

    #[test]
    fn options_as_libc_takes_them() {
        for (file, environment, want, why) in [
            (
                "",
                "",
                (5, 2, false, false),
                "the defaults of resolv.conf(5)",
            ),
            (
                "options timeout:3 attempts:4",
                "",
                (3, 4, false, false),
                "numbers",
            ),
            (
                "options timeout:99 attempts:99",
                "",
                (30, 5, false, false),
                "their caps",
            ),
            (
                "options timeout:0 attempts:0",
                "",
                (1, 1, false, false),
                "nothing is not asked",
            ),
            (
                "options timeout:3x attempts:-1",
                "",
                (3, 1, false, false),
                "atoi",
            ),
            (
                "options timeout:99999999999999999999",
                "",
                (1, 2, false, false),
                "beyond it",
            ),
            (
                "options ndots:15 no-tld-query trust-ad edns0 nonsense rotate\noptions use-vc",
                "",
                (5, 2, true, true),
                "several lines, and options without a meaning here",
            ),
            (
                "options timeout:3",
                "timeout:7 rotate",
                (7, 2, true, false),
                "RES_OPTIONS comes last",
            ),
            (
                "options Rotate USE-VC",
                "",
                (5, 2, false, false),
                "they have a case",
            ),
        ] {
            let conf = ResolvConf::parse(file.as_bytes(), environment);
            let got = (
                conf.timeout.as_secs(),
                conf.attempts,
                conf.rotate,
                conf.use_vc,
            );
            assert_eq!(got, want, "{file}: {why}");
        }
    }

    #[test]
    fn unspecified_is_this_host() {
        for (written, asked) in [
            ("0.0.0.0:53", "127.0.0.1:53"),
            ("[::]:5353", "[::1]:5353"),
            ("10.0.0.1:53", "10.0.0.1:53"),
        ] {
            let address = reachable(written.parse().unwrap());
            assert_eq!(address.to_string(), asked);
        }
    }
}
