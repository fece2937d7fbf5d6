//! The thread that renews a lease, with a connection of its own: a step that lasts does not cost it. It looks at the fleet, too:
//! the main loop has nothing to do with it while nothing changes.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use tlsrptd_fleet::{Address, Fault, Session};

use super::super::expected::{LAST_DAY, nobody_ships};
use crate::store::Lease;

/// A lease is renewed three times in its length.
const BEATS: u32 = 3;
/// The fleet is looked at so often in the length of a lease; after a fault a lease is tried to be renewed as often.
pub(super) const LOOKS: u32 = 30;

/// What a member has to follow: who is there, whose the shards are, days that are asked for, and shippers that are done. However
/// many days somebody asks for, it is a short text.
fn what_is_followed() -> String {
    format!(
        "SELECT concat_ws(';', \
         (SELECT string_agg(CASE WHEN until < clock_timestamp() THEN -id ELSE id END::text, ',' ORDER BY id) FROM member WHERE NOT fenced), \
         (SELECT string_agg(coalesce(owner, 0)::text, ',' ORDER BY shard) FROM shard), \
         (SELECT concat(count(*), ' ', max(wanted)) FROM day d WHERE d.day <= {LAST_DAY} AND NOT counts AND state = 'open' AND NOT ({})), \
         (SELECT count(*) FROM day d JOIN shipment s ON s.day = d.day \
         WHERE d.day <= {LAST_DAY} AND d.state = 'open' AND s.done))",
        nobody_ships()
    )
}

/// Renews only what has not run out, nor been taken for dead.
const RENEW: &str = "UPDATE member SET until = clock_timestamp() + l.length FROM lease l \
    WHERE id = $1 AND process = $2 AND NOT fenced AND until > clock_timestamp() \
    RETURNING extract(epoch FROM l.length)::float8";

/// Renews a lease until it is dropped.
#[derive(Debug)]
pub(super) struct Heartbeat {
    _stop: mpsc::Sender<()>,
}

/// Whose lease.
pub(super) struct Holder {
    pub(super) id: i64,
    pub(super) process: String,
    pub(super) lease: Lease,
    pub(super) length: Duration,
}

impl Heartbeat {
    pub(super) fn start(address: &Address, holder: Holder) -> std::io::Result<Heartbeat> {
        let (stop, stopped) = mpsc::channel();
        let address = address.clone();
        thread::Builder::new()
            .name("heartbeat".to_owned())
            .spawn(move || beat(address, holder, &stopped))?;
        Ok(Heartbeat { _stop: stop })
    }
}

/// A little less than the database grants: clocks run at different speeds, and what is begun takes a moment.
pub(super) fn usable(length: Duration) -> Duration {
    length - length / 10
}

fn beat(address: Address, mut holder: Holder, stopped: &mpsc::Receiver<()>) {
    // A server that has gone without a word must not cost the lease: another may be in its place.
    let session = Session::new(address).with_patience(holder.length / BEATS);
    let (mut renewed, mut seen, followed) = (Lease::clock(), None, what_is_followed());
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(holder.length / LOOKS) {
        let asked = Lease::clock();
        if asked.saturating_sub(renewed) >= holder.length / BEATS {
            match renew(&session, &holder) {
                Ok(Some(length)) => (holder.length, renewed) = (length, asked),
                Ok(None) => return holder.lease.end(),
                Err(error) => tracing::debug!(%error, "the lease could not be renewed"),
            }
            if renewed == asked && !holder.lease.renew(asked, usable(holder.length)) {
                return;
            }
        }
        if !holder.lease.is_valid() {
            return holder.lease.end();
        }
        match look(&session, &followed) {
            Ok(now) if seen.as_ref() == Some(&now) => {}
            Ok(now) => {
                seen = Some(now);
                holder.lease.tell_news();
            }
            Err(error) => tracing::debug!(%error, "the fleet could not be looked at"),
        }
    }
}

fn look(session: &Session, followed: &str) -> Result<String, Fault> {
    let row = session.query_opt(followed, &[])?;
    row.map_or(Ok(String::new()), |row| Ok(row.try_get(0)?))
}

fn renew(session: &Session, holder: &Holder) -> Result<Option<Duration>, Fault> {
    let row = session.query_opt(RENEW, &[&holder.id, &holder.process])?;
    row.map(|row| length_of(row.try_get(0)?)).transpose()
}

pub(super) fn length_of(seconds: f64) -> Result<Duration, Fault> {
    Duration::try_from_secs_f64(seconds)
        .map_err(|error| Fault::Row(format!("the length of leases in tlsrpt.lease: {error}")))
}
