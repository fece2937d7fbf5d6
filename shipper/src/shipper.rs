//! One attempt to ship all that is to be shipped: closed days first, then today.

mod another;
mod closed_days;
mod former;
mod today;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use tlsrptd_config::{Storage, shipper::Shipper as Settings};
use tlsrptd_fleet::{Address, KeyHash};
use tlsrptd_proto::day::Day;
use tlsrptd_service::log::FailureThrottle;
use tracing::{debug, info, warn};

use closed_days::{ClosedDays, Telling};
use former::FormerDays;

use crate::{
    day_shipping::DayShipping,
    error::ShipError,
    fleet::{Fleet, Registered, Standing, Which},
    growth::Rule,
    incarnation::Incarnation,
    outbox::Outbox,
    reading::Fetcher,
    stop::Stop,
    told_note::CountedIn,
};

/// Reading takes at most a tenth of the time.
const READING_SHARE: u32 = 10;
/// That it may not become another collector is told that often.
const TELL_REFUSALS: Duration = Duration::from_secs(1800);

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
    closed_days: ClosedDays,
    former: Vec<FormerDays>,
    today: Option<DayShipping>,
    /// Sessions of today that the collector has counted, as far as is known, and the file that they were in.
    counted_today: u64,
    counted_in: Option<CountedIn>,
    /// The tables of that day are not made yet.
    awaited: Option<Day>,
    standing: Standing,
    was_connected: bool,
    is_slow: bool,
    is_ahead: bool,
    /// It was not allowed to become another collector.
    refusals: FailureThrottle,
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
            closed_days: closed_days_of(&storage),
            former: Vec::new(),
            storage,
            fetcher: Fetcher::of(settings),
            incarnation: None,
            fleet: None,
            today: None,
            counted_today: 0,
            counted_in: None,
            awaited: None,
            standing: Standing::default(),
            was_connected: false,
            is_slow: false,
            is_ahead: false,
            refusals: FailureThrottle::new(TELL_REFUSALS),
        }
    }

    /// Ships what is worth it; at the end of the program, all of today.
    pub(crate) fn run_once(&mut self, rule: Rule, stop: &Stop) -> Result<Next, ShipError> {
        match self.ship(rule, stop) {
            Err(ShipError::Held { fault, .. }) => {
                let by = self.fleet.as_ref().map(Fleet::holders);
                let by = by.and_then(Result::ok).unwrap_or_default();
                Err(ShipError::Held { fault, by })
            }
            result => result,
        }
    }

    fn ship(&mut self, rule: Rule, stop: &Stop) -> Result<Next, ShipError> {
        self.connect()?;
        let awaited = self.still_awaited()?;
        // A closed day that cannot be read, or whose rows somebody holds, does not hold up today.
        let mut closed = Ok(None);
        if rule == Rule::Worthwhile {
            closed = self.ship_closed_days(awaited, stop);
            if !matches!(
                closed,
                Ok(_) | Err(ShipError::Read(_) | ShipError::Held { .. })
            ) {
                return closed.map(|_| Next::After(self.interval));
            }
        }
        let next = match awaited {
            None => self.ship_today(rule, stop)?,
            Some(day) => Next::Awaits(day),
        };
        match closed? {
            Some(awaited) => Ok(Next::Awaits(awaited)),
            None => Ok(next),
        }
    }

    /// Those of former numbers first: they are older. Gives the day whose tables are waited for.
    fn ship_closed_days(
        &mut self,
        awaited: Option<Day>,
        stop: &Stop,
    ) -> Result<Option<Day>, ShipError> {
        let today = self.today.as_ref().map(|today| today.day);
        let looked = match awaited {
            None => self.closed_days.outbox.look(&self.fetcher, today),
            Some(_) => Ok(()),
        };
        if self.may_be_a_copy() {
            // That is seen to first, however often it fails: a copy calls no day done, under whatever number.
            return looked.map(|()| None).map_err(ShipError::from);
        }
        let former = self.ship_former_days(stop);
        if !matches!(
            former,
            Ok(_) | Err(ShipError::Read(_) | ShipError::Held { .. })
        ) {
            return former;
        }
        looked?;
        let (Some(fleet), Some(incarnation)) = (&self.fleet, &mut self.incarnation) else {
            return Err(ShipError::Anew);
        };
        let baseline = incarnation.baseline();
        let mut telling = Telling {
            fleet,
            fetcher: &self.fetcher,
            number: incarnation.id(),
            incarnation,
            baseline: baseline.as_ref(),
            collector: &self.name,
            is_shared: false,
            stop,
        };
        let ours = self.closed_days.ship(&mut telling, &mut self.today)?;
        Ok(former?.or(ours))
    }

    /// More of today was told under this number than is noted, and nobody has seen to that yet.
    fn may_be_a_copy(&self) -> bool {
        if self.today.as_ref().is_some_and(DayShipping::is_resumed) {
            return false;
        }
        let (Some(found), Some(incarnation)) = (self.closed_days.outbox.today(), &self.incarnation)
        else {
            return false;
        };
        let noted = incarnation.noted(found.day);
        !found.is_closed && found.batch > noted.map_or(0, |noted| noted.batch)
    }

    /// Whatever went wrong, what the database knows is asked for anew.
    pub(crate) fn disconnect(&mut self) {
        self.fleet = None;
        self.former.iter_mut().for_each(FormerDays::disconnect);
    }

    fn connect(&mut self) -> Result<(), ShipError> {
        self.see_to_incarnation()?;
        self.take_up_next()?;
        let incarnation = self.incarnation.as_ref().ok_or(ShipError::Anew)?;
        let (id, first_day) = (incarnation.id(), incarnation.first_day());
        let (is_first, former) = (incarnation.is_first(), incarnation.former());
        if let Some(fleet) = &self.fleet {
            let (standing, is_same) = (fleet.is_seen()?, fleet.is_same());
            self.tell_standing(standing);
            if is_same {
                return Ok(());
            }
        }
        // What became of one connection may have become of all: those that say nothing do not notice.
        self.disconnect();
        let (fleet, registered) = self.register(id, first_day, Which::Current(&former))?;
        self.tell_standing(registered.standing);
        let rows = fleet.shipments()?;
        let incarnation = self.incarnation.as_ref().ok_or(ShipError::Anew)?;
        let told = incarnation.told_days(id);
        // The database's clock may be behind: days before are another number's all the same.
        let first_day = match is_first {
            true => registered.first_day,
            false => registered.first_day.max(first_day),
        };
        self.closed_days.outbox.resume(first_day, rows, told);
        let days = [&mut self.today, &mut self.closed_days.begun];
        days.into_iter().flatten().for_each(DayShipping::pause);
        match std::mem::replace(&mut self.was_connected, true) {
            false => info!(collector = self.name, to = %self.address, "connected"),
            true => debug!(collector = self.name, to = %self.address, "connected again"),
        }
        self.fleet = Some(fleet);
        Ok(())
    }

    fn register(
        &self,
        id: KeyHash,
        first_day: Day,
        which: Which<'_>,
    ) -> Result<(Fleet, Registered), ShipError> {
        let mut address = self.address.clone();
        if let Some(path) = &self.password_file {
            address = address.with_password(&password(path)?);
        }
        Ok(Fleet::register(address, &self.name, id, first_day, which)?)
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
        (self.fleet, self.today) = (None, None);
        (self.counted_today, self.counted_in) = (0, None);
        self.closed_days = closed_days_of(&self.storage);
    }

    fn shipping_of(&self, day: Day) -> DayShipping {
        let incarnation = self.incarnation.as_ref();
        let baseline = incarnation.and_then(Incarnation::baseline);
        DayShipping::new(day, baseline.filter(|told| told.day() == day))
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

fn closed_days_of(storage: &Path) -> ClosedDays {
    ClosedDays::new(Outbox::new(storage.to_owned(), Day::of(Timestamp::now())))
}

/// The first line of a file.
pub(crate) fn password(path: &Path) -> Result<String, ShipError> {
    let text = std::fs::read_to_string(path).map_err(|source| ShipError::Password {
        path: path.display().to_string(),
        source,
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
