//! Connections that are kept for the next report cost a descriptor each, so the number of hosts with kept connections is
//! limited.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use url::Url;

/// Longest idle time of a kept connection.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// Kept connections may use this part of the descriptors: one eighth.
const PART: usize = 8;

/// The hosts whose connections are kept.
#[derive(Debug)]
pub(super) struct KeptHosts {
    most: usize,
    /// Each host and port, with the time of its last request or response.
    hosts: Mutex<HashMap<String, Instant>>,
}

impl KeptHosts {
    /// `per_host` connections may be kept for each.
    pub(super) fn new(descriptors: usize, per_host: usize) -> KeptHosts {
        KeptHosts {
            most: (descriptors / PART / per_host.max(1)).max(1),
            hosts: Mutex::default(),
        }
    }

    /// Whether the connection of a post that starts now may be kept after it.
    pub(super) fn keeps(&self, url: &Url, now: Instant) -> bool {
        let name = host_and_port(url);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = hosts.get_mut(&name) {
            *last = now;
            return true;
        }
        if hosts.len() >= self.most {
            hosts.retain(|_, last| now - *last < IDLE);
        }
        let has_room = hosts.len() < self.most;
        if has_room {
            hosts.insert(name, now);
        }
        has_room
    }

    /// The response has come: its connection is idle from now on.
    pub(super) fn answered(&self, url: &Url, now: Instant) {
        let name = host_and_port(url);
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.entry(name).and_modify(|last| *last = now);
    }
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{host}:{}", url.port_or_known_default().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_hosts_and_no_more() {
        let kept = KeptHosts::new(64, 4);
        let url = |number: usize| Url::parse(&format!("https://h{number}.example/")).unwrap();
        let now = Instant::now();
        assert!(kept.keeps(&url(1), now) && kept.keeps(&url(2), now));
        assert!(!kept.keeps(&url(3), now), "64 / 8 / 4");
        assert!(kept.keeps(&url(1), now + IDLE / 2), "it is one of them");
        let later = now + IDLE;
        assert!(kept.keeps(&url(3), later), "the second is closed by now");
        assert!(!kept.keeps(&url(4), later), "the first is not");
        kept.answered(&url(1), later);
        assert!(!kept.keeps(&url(4), later + IDLE / 2));
        assert!(!kept.hosts.lock().unwrap().contains_key("h4.example:443"));
    }
}
