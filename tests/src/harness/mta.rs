//! The sending MTA: hands datagrams to the collector as libtlsrpt does.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::places;
use super::wait::until;

/// A sender to one socket.
#[derive(Debug, Clone)]
pub struct Mta {
    socket: PathBuf,
}

impl Mta {
    /// A sender to the socket at `socket`.
    pub fn new(socket: &Path) -> Mta {
        Mta {
            socket: socket.to_owned(),
        }
    }

    /// Sends one datagram as libtlsrpt does: a new socket, no waiting. An error means that it is lost, as it is
    /// when the kernel's queue is full (`WouldBlock`).
    pub fn try_send(&self, datagram: &[u8]) -> io::Result<()> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&self.socket)?;
        socket.send(datagram).map(drop)
    }

    /// Sends one datagram again and again until the kernel has accepted it.
    ///
    /// # Panics
    /// On any error but a full queue.
    pub fn send(&self, datagram: &[u8]) {
        until("room in the socket's queue", || {
            match self.try_send(datagram) {
                Ok(()) => Some(()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(error) => panic!("{}: {error}", self.socket.display()),
            }
        });
    }

    /// Sends each of `datagrams`.
    pub fn send_all<D: AsRef<[u8]>>(&self, datagrams: impl IntoIterator<Item = D>) {
        for datagram in datagrams {
            self.send(datagram.as_ref());
        }
    }
}

/// Every recorded datagram, as (file name, bytes), sorted by name.
pub fn recorded() -> Vec<(String, Vec<u8>)> {
    let folder = places::of_tests("data/datagrams");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the recorded datagrams are part of the repository")
        .flatten()
        .map(|entry| {
            let bytes = fs::read(entry.path()).expect("a file that was just listed");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}

/// The TLSRPT domain of a good datagram, as a report names it.
pub fn domain_of(datagram: &[u8]) -> String {
    let domain = parsed(datagram)["d"]
        .as_str()
        .map(str::to_owned)
        .expect("a good datagram names its domain");
    domain.trim_end_matches('.').to_ascii_lowercase()
}

/// How many sessions a good datagram counts for: one a policy.
pub fn sessions_of(datagram: &[u8]) -> i64 {
    let count = parsed(datagram)["policies"].as_array().map(Vec::len);
    count
        .and_then(|count| count.try_into().ok())
        .expect("a good datagram has policies")
}

fn parsed(datagram: &[u8]) -> Value {
    // Keys that the library keeps for itself are what some tests send; what they are about is told by the others.
    let text = String::from_utf8_lossy(datagram).replace("$serde_json", "serde_json");
    serde_json::from_str(&text).expect("a good datagram is JSON")
}

/// A datagram of a successful session without a policy.
pub fn success(domain: &str, txt: &str) -> Vec<u8> {
    made(domain, txt, vec![policy(9, domain, &[])])
}

/// A datagram of a session that failed with result type `code` (201 and so on) under an MTA-STS policy.
pub fn failure(domain: &str, txt: &str, code: i64) -> Vec<u8> {
    made(domain, txt, vec![policy(2, domain, &[code])])
}

/// A datagram of any policies.
pub fn made(domain: &str, txt: &str, policies: Vec<Value>) -> Vec<u8> {
    json!({"dpv": "1", "d": domain, "pr": txt, "policies": policies})
        .to_string()
        .into_bytes()
}

/// A policy of type 1 (tlsa), 2 (sts) or 9 (none), with one failure detail a code. Without codes: a success.
pub fn policy(policy_type: i64, domain: &str, codes: &[i64]) -> Value {
    let mut policy = json!({"policy-type": policy_type, "policy-domain": domain});
    match policy_type {
        1 => policy["policy-string"] = json!([format!("3 1 1 {}", "AB".repeat(32))]),
        2 => {
            policy["policy-string"] = json!([
                "version: STSv1",
                "mode: enforce",
                format!("mx: mx.{domain}")
            ]);
            policy["mx-host"] = json!([format!("mx.{domain}")]);
        }
        _ => {}
    }
    if !codes.is_empty() {
        let details = codes.iter().map(|code| {
            json!({"c": code, "s": "192.0.2.1", "n": format!("mx.{domain}"), "r": "2001:db8:0:0::25"})
        });
        policy["failure-details"] = details.collect();
    }
    policy["t"] = json!(codes.len());
    policy["f"] = json!(i64::from(!codes.is_empty()));
    policy
}

/// Several policies in one datagram: a failed tlsa, a failed sts, and a success.
pub fn several_policies(domain: &str, txt: &str) -> Vec<u8> {
    let policies = vec![
        policy(1, &format!("mx.{domain}"), &[203]),
        policy(2, domain, &[202, 204]),
        policy(9, domain, &[]),
    ];
    made(domain, txt, policies)
}

/// A failure whose texts are not valid UTF-8, as Postfix sends with `smtputf8_enable = no`.
pub fn invalid_utf8(domain: &str, txt: &str) -> Vec<u8> {
    let mut policy = policy(2, domain, &[201]);
    policy["failure-details"][0]["r"] = json!("192.0.2.25");
    policy["failure-details"][0]["a"] = json!("M@@@ller");
    replaced(
        made(domain, txt, vec![policy]),
        b"M@@@ller",
        b"M\xfc\xff\xfeller",
    )
}

/// A datagram near the most that the kernel carries: an MTA-STS policy of about `size` bytes.
pub fn huge(domain: &str, txt: &str, size: usize) -> Vec<u8> {
    let line = format!("mx: {}.{domain}", "a".repeat(60));
    let mut policy = policy(2, domain, &[]);
    policy["policy-string"] = (0..size / (line.len() + 3))
        .map(|_| Value::from(line.as_str()))
        .collect();
    made(domain, txt, vec![policy])
}

/// What is no datagram, each with its name. None may disturb the collector.
pub fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let no_policies = json!({"dpv": "1", "d": "a.test", "pr": "x", "policies": []}).to_string();
    vec![
        ("nothing", Vec::new()),
        ("no JSON", b"hello".to_vec()),
        ("a number", b"5".to_vec()),
        (
            "a number as domain",
            replaced(success("a.test", "x"), b"\"d\":\"a.test\"", b"\"d\":7"),
        ),
        (
            "half of a datagram",
            made("a.test", "x", vec![policy(9, "a.test", &[])])[..40].to_vec(),
        ),
        ("deep nesting", b"[".repeat(100_000)),
        ("no policies", no_policies.into_bytes()),
        (
            "policies that are no array",
            br#"{"d":"a.test","pr":"x","policies":{}}"#.to_vec(),
        ),
        (
            "a domain with a slash",
            success("../../etc/passwd", "v=TLSRPTv1; rua=mailto:a@b.test"),
        ),
        (
            "a domain with a line end",
            success("a.test\r\nBcc: x@y.test", "v=TLSRPTv1; rua=mailto:a@b.test"),
        ),
        (
            "an empty domain",
            success("", "v=TLSRPTv1; rua=mailto:a@b.test"),
        ),
        ("a NUL", vec![0]),
        ("only bytes over 0x7f", vec![0xff; 300]),
    ]
}

/// `bytes` with every `from` as `to`.
fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .windows(from.len())
        .position(|window| window == from)
    {
        bytes.splice(at + found..at + found + from.len(), to.iter().copied());
        at += found + to.len();
    }
    bytes
}
