//! One attempt to ship all that is to be shipped: closed days first, then today.

mod closed_days;
mod today;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use tlsrptd_config::{Storage, shipper::Shipper as Settings};
use tlsrptd_fleet::Address;
use tlsrptd_proto::day::Day;
use tracing::{debug, info, warn};

use crate::{
    day_shipping::DayShipping,
    error::ShipError,
    fleet::{Fleet, Standing},
    growth::Rule,
    incarnation::Incarnation,
    outbox::Outbox,
    reading::Fetcher,
    stop::Stop,
    told_note::CountedIn,
};

/// Reading takes at most a tenth of the time.
const READING_SHARE: u32 = 10;

/// See the module.
pub(crate) struct Shipper {
    address: Address,
    password_file: Option<PathBuf>,
    name: String,
    interval: Duration,
    storage: PathBuf,
    fetcher: Fetcher,
    incarnation: Option<Incarnation>,
    fleet: Option<Fleet>,
    outbox: Outbox,
    today: Option<DayShipping>,
    /// Sessions of today that the collector has counted, as far as is known, and the file that they were in.
    counted_today: u64,
    counted_in: Option<CountedIn>,
    /// The tables of that day are not made yet.
    awaited: Option<Day>,
    standing: Standing,
    /// A closed day that is not told whole yet.
    closed: Option<DayShipping>,
    was_connected: bool,
    is_slow: bool,
    is_ahead: bool,
}

/// When to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    After(Duration),
    /// A day's tables are not made yet.
    Awaits(Day),
}

impl Shipper {
    pub(crate) fn new(settings: &Settings, address: Address, name: String) -> Shipper {
        let storage = match &settings.storage {
            Storage::Sqlite { path, .. } => path.clone(),
            // Refused when settings are read.
            Storage::Dummy { .. } => PathBuf::new(),
        };
        Shipper {
            address: address.with_program("tlsrpt-shipper"),
            password_file: settings.ship_to_password_file.clone(),
            name,
            interval: settings.ship_interval,
            outbox: Outbox::new(storage.clone(), Day::of(Timestamp::now())),
            storage,
            fetcher: Fetcher::of(settings),
            incarnation: None,
            fleet: None,
            today: None,
            counted_today: 0,
            counted_in: None,
            awaited: None,
            standing: Standing::default(),
            closed: None,
            was_connected: false,
            is_slow: false,
            is_ahead: false,
        }
    }

    /// Ships what is worth it; at the end of the program, all of today.
    pub(crate) fn run_once(&mut self, rule: Rule, stop: &Stop) -> Result<Next, ShipError> {
        self.connect()?;
        let today = self.today.as_ref().map(|today| today.day);
        let awaited = self.still_awaited()?;
        // A closed day that cannot be read does not hold up today.
        let mut closed = Ok(None);
        if rule == Rule::Worthwhile {
            let looked = match awaited {
                None => self.outbox.look(&self.fetcher, today),
                Some(_) => Ok(()),
            };
            closed = match looked {
                Err(error) => Err(error.into()),
                Ok(()) => self.ship_closed_days(stop),
            };
            if !matches!(closed, Ok(_) | Err(ShipError::Read(_))) {
                return closed.map(|_| Next::After(self.interval));
            }
        }
        let is_behind = matches!(closed, Ok(Some(_))) || rule == Rule::Everything;
        let next = match awaited {
            None => self.ship_today(rule, is_behind, stop)?,
            Some(day) => Next::Awaits(day),
        };
        match closed? {
            Some(awaited) => Ok(Next::Awaits(awaited)),
            None => Ok(next),
        }
    }

    /// Whatever went wrong, what the database knows is asked for anew.
    pub(crate) fn disconnect(&mut self) {
        self.fleet = None;
    }

    fn connect(&mut self) -> Result<(), ShipError> {
        self.see_to_incarnation()?;
        let incarnation = self.incarnation.as_ref().ok_or(ShipError::Anew)?;
        let (id, first_day) = (incarnation.id(), incarnation.first_day());
        if let Some(fleet) = &self.fleet {
            let (standing, is_same) = (fleet.is_seen()?, fleet.is_same());
            self.tell_standing(standing);
            if is_same {
                return Ok(());
            }
        }
        self.fleet = None;
        let mut address = self.address.clone();
        if let Some(path) = &self.password_file {
            address = address.with_password(&password(path)?);
        }
        let (fleet, registered) = Fleet::register(address, &self.name, id, first_day)?;
        self.tell_standing(registered.standing);
        self.outbox.resume(registered.first_day, fleet.shipments()?);
        for day in [&mut self.today, &mut self.closed].into_iter().flatten() {
            day.pause();
        }
        match std::mem::replace(&mut self.was_connected, true) {
            false => info!(collector = self.name, to = %self.address, "connected"),
            true => debug!(collector = self.name, to = %self.address, "connected again"),
        }
        self.fleet = Some(fleet);
        Ok(())
    }

    /// Whenever it changes.
    fn tell_standing(&mut self, standing: Standing) {
        if std::mem::replace(&mut self.standing, standing) == standing {
            return;
        }
        if let Some(retired) = standing.retired {
            warn!(
                collector = self.name, from = %retired,
                "this collector is retired: what it ships is counted, but no day waits for it"
            );
        }
        if standing.is_followed {
            warn!(
                collector = self.name,
                "another host ships under the same ship_as: what both ship is counted, but no day waits for this one"
            );
        }
    }

    /// Who has lost the day files is another collector from then on.
    fn see_to_incarnation(&mut self) -> Result<(), ShipError> {
        if let Some(incarnation) = &self.incarnation {
            if incarnation.is_there() {
                return Ok(());
            }
            warn!(
                folder = %self.storage.display(),
                "the collector's files were lost: what it counts from now on is another collector's"
            );
        }
        self.begin_anew();
        self.incarnation = None;
        self.incarnation = Some(Incarnation::open(&self.storage)?);
        Ok(())
    }

    /// Nothing is known of what was told.
    fn begin_anew(&mut self) {
        (self.fleet, self.today, self.closed) = (None, None, None);
        (self.counted_today, self.counted_in) = (0, None);
        self.outbox = Outbox::new(self.storage.clone(), Day::of(Timestamp::now()));
    }

    fn shipping_of(&self, day: Day) -> DayShipping {
        let incarnation = self.incarnation.as_ref();
        DayShipping::new(day, incarnation.and_then(|one| one.baseline(day)))
    }

    /// The time until the next reading, by the time that this one took.
    fn pause(&mut self, took: Duration) -> Duration {
        let slow = took * (READING_SHARE - 1);
        let is_slow = slow > self.interval;
        if is_slow && !self.is_slow {
            info!(
                seconds = took.as_secs(),
                every = slow.as_secs(),
                "reading today takes long: it is done less often than ship_interval says"
            );
        }
        self.is_slow |= is_slow;
        slow.max(self.interval)
    }
}

/// The first line of a file.
pub(crate) fn password(path: &Path) -> Result<String, ShipError> {
    let text = std::fs::read_to_string(path).map_err(|source| ShipError::Password {
        path: path.display().to_string(),
        source,
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
