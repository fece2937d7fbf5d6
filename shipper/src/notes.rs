//! What the log is told of a day that goes another way than usual.

use jiff::{SignedDuration, Timestamp};
use tlsrptd_proto::day::Day;
use tracing::{error, warn};

use crate::{
    day_shipping::{Resumed, Shipped},
    error::ShipError,
    fleet::{Fleet, Shipment},
};

/// The collector's clock may be ahead of the database's by so much; a day that has not come by then is a clock's error.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(10);

/// The fleet has closed the day with so many sessions of it: the rest is late.
pub(crate) fn tell_late(
    fleet: &Fleet,
    found: &Shipment,
    shipped: &Shipped,
    told: u64,
) -> Result<(), ShipError> {
    let late = shipped.sessions.saturating_sub(told);
    if late > 0 && fleet.late(found.day, late)? {
        warn!(day = %found.day, sessions = late, "the fleet had closed the day: these sessions are in no report");
    }
    Ok(())
}

pub(crate) fn tell_resumed(resumed: Resumed, day: Day, collector: &str) {
    match resumed {
        Resumed::AsTold => {}
        Resumed::Lost => {
            warn!(%day, "the database has lost its newest rows: the day is shipped again from the start");
        }
        Resumed::Foreign => error!(
            %day, collector,
            "another tlsrpt-shipper ships as this collector: is a copy of its folder in use on another host?"
        ),
    }
}

/// How many sessions of a day are in it when it is closed: those that the database knows of, but not more than were told by what was
/// noted. Whoever has the shippers' password can write a larger number.
pub(crate) fn in_time(found: &Shipment, noted: Option<u64>) -> u64 {
    noted.map_or(found.sessions, |noted| noted.min(found.sessions))
}

/// Whether an instant is still to come by the database's clock.
pub(crate) fn is_to_come(day: Day, now: Timestamp, is_told: &mut bool) -> bool {
    let is_ahead = day.start().duration_since(now) > CLOCK_TOLERANCE;
    if is_ahead && !*is_told {
        warn!(
            day = %day.previous(), database = %now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "by the database's clock that day is not over, or not come: it is not shipped until the clocks agree"
        );
    }
    *is_told = is_ahead;
    is_ahead
}
