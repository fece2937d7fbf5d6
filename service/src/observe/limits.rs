//! What a client may take.

use std::time::Duration;

/// Bounds of a server, so that no client costs more than a little.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Clients at once, each with a thread; the next are told so.
    pub clients: usize,
    /// Bytes of a request.
    pub line: usize,
    /// How long a client may take for a request, from its connect or from the last answer.
    pub read: Duration,
    /// How long a client may take nothing of an answer.
    pub write: Duration,
    /// How long a client may stay in all.
    pub client: Duration,
    /// In place of `write` while a long answer is read.
    pub long_write: Duration,
    /// In place of `client` from a long answer on.
    pub long_client: Duration,
    /// The least time between two requests, or two clients, of a thread: whoever asks without end takes little of a core.
    pub interval: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            clients: 8,
            line: 4096,
            read: Duration::from_secs(10),
            write: Duration::from_secs(10),
            client: Duration::from_secs(300),
            long_write: Duration::from_secs(300),
            long_client: Duration::from_secs(3600),
            interval: Duration::from_millis(20),
        }
    }
}
