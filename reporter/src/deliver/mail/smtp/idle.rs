//! Idle connections, kept for the next mail and ended with QUIT when none comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use super::connection::Connection;

/// The idle connections to one relay.
pub(super) struct IdleConnections {
    idle: Arc<Mutex<Idle>>,
    /// Longest idle time of each.
    time: Duration,
}

#[derive(Default)]
struct Idle {
    connections: Vec<(Connection, Instant)>,
    /// The task that ends connections idle for too long; it runs while there are any.
    sweeper: Option<AbortHandle>,
}

impl IdleConnections {
    pub(super) fn new(time: Duration) -> IdleConnections {
        IdleConnections {
            idle: Arc::default(),
            time,
        }
    }

    pub(super) fn take(&self) -> Option<Connection> {
        let mut idle = lock(&self.idle);
        idle.connections.pop().map(|(connection, _)| connection)
    }

    pub(super) fn put(&self, connection: Connection) {
        let mut idle = lock(&self.idle);
        idle.connections.push((connection, Instant::now()));
        if idle.sweeper.is_none() {
            let sweeper = tokio::spawn(sweep(Arc::clone(&self.idle), self.time));
            idle.sweeper = Some(sweeper.abort_handle());
        }
    }
}

impl Drop for IdleConnections {
    fn drop(&mut self) {
        if let Some(sweeper) = lock(&self.idle).sweeper.take() {
            sweeper.abort();
        }
    }
}

async fn sweep(kept: Arc<Mutex<Idle>>, time: Duration) {
    loop {
        sleep(time / 4).await;
        for connection in too_old(&kept, time) {
            connection.quit().await;
        }
        let mut idle = lock(&kept);
        if idle.connections.is_empty() {
            idle.sweeper = None;
            return;
        }
    }
}

fn too_old(kept: &Mutex<Idle>, time: Duration) -> Vec<Connection> {
    let mut idle = lock(kept);
    // The oldest stand first.
    let first_fresh = idle
        .connections
        .partition_point(|(_, since)| since.elapsed() >= time);
    idle.connections
        .drain(..first_fresh)
        .map(|(connection, _)| connection)
        .collect()
}

/// Nothing panics while it is locked.
fn lock(kept: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}
