//! One attempt to ship all that is to be shipped: closed days first, the oldest of them before the others, then today.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tlsrptd_config::{Storage, shipper::Shipper as Settings};
use tlsrptd_fleet::Address;
use tlsrptd_proto::{day::Day, fetch::Event};
use tracing::{debug, info, warn};

use crate::{
    day_shipping::{DayShipping, Shipped},
    error::ShipError,
    fleet::{Fleet, Taken},
    growth::Rule,
    incarnation::Incarnation,
    notes::{is_to_come, tell_late, tell_resumed},
    outbox::Outbox,
    reading::{Fetcher, Question, ReadError},
    stop::Stop,
};

/// The tables of a new day are made by a reporter, soon.
const SOON: Duration = Duration::from_secs(2);
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
    /// Sessions of the last reading of today that was whole.
    counted_today: u64,
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

impl Next {
    pub(crate) fn wait(self) -> Duration {
        match self {
            Next::After(wait) => wait,
            Next::Awaits(_) => SOON,
        }
    }
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
        // A closed day that cannot be read does not hold up today.
        let mut closed = Ok(None);
        if rule == Rule::Worthwhile {
            closed = match self.outbox.look(&self.fetcher, today) {
                Err(error) => Err(error.into()),
                Ok(()) => self.ship_closed_days(stop),
            };
            if !matches!(closed, Ok(_) | Err(ShipError::Read(_))) {
                return closed.map(|_| Next::After(self.interval));
            }
        }
        let next = self.ship_today(rule, stop)?;
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
        let Some(incarnation) = &self.incarnation else {
            return Err(ShipError::Anew);
        };
        if let Some(fleet) = &self.fleet {
            fleet.is_seen()?;
            if fleet.is_same() {
                return Ok(());
            }
        }
        self.fleet = None;
        let mut address = self.address.clone();
        if let Some(path) = &self.password_file {
            address = address.with_password(&password(path)?);
        }
        let (id, first_day) = (incarnation.id(), incarnation.first_day());
        let (fleet, registered) = Fleet::register(address, &self.name, id, first_day)?;
        if let Some(retired) = registered.retired {
            warn!(
                collector = self.name, from = %retired,
                "this collector is retired: what it ships is counted, but no day waits for it"
            );
        }
        if registered.is_followed {
            warn!(
                collector = self.name,
                "another host ships under the same ship_as: what both ship is counted, but no day waits for this one"
            );
        }
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
        self.counted_today = 0;
        self.outbox = Outbox::new(self.storage.clone(), Day::of(Timestamp::now()));
    }

    /// The day whose tables it waits for.
    fn ship_closed_days(&mut self, stop: &Stop) -> Result<Option<Day>, ShipError> {
        let (mut after, mut failed) = (None, None);
        while let Some(day) = self.outbox.next(after) {
            after = Some(day);
            match self.ship_closed(day, stop) {
                Ok(Told::All) => {}
                Ok(Told::Later) => return Ok(None),
                Ok(Told::Awaits) => return Ok(Some(day)),
                // Others may be readable.
                Err(ShipError::Read(error)) => failed = Some(error),
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(None), |error| Err(error.into()))
    }

    fn ship_closed(&mut self, day: Day, stop: &Stop) -> Result<Told, ShipError> {
        let fleet = self.fleet.as_ref().ok_or(ShipError::Anew)?;
        if is_to_come(day.next(), fleet.now()?, &mut self.is_ahead) {
            return Ok(Told::Later);
        }
        let is_made = fleet.want(day)?;
        let found = fleet.begin(day)?;
        if !found.is_closed && !is_made {
            return Ok(Told::Awaits);
        }
        let mut growth = self.outbox.growth(day);
        if found.is_closed || found.is_done {
            let mut unshipped = DayShipping::new(day);
            let shipped = read_whole(&mut unshipped, fleet, &self.fetcher, Rule::Nothing, stop)?;
            growth = shipped.growth.get(&day).copied().unwrap_or(0);
            if found.is_closed {
                tell_late(fleet, &found, &shipped)?;
            }
            if found.is_closed || shipped.sessions <= found.sessions {
                self.outbox.settle(day, growth);
                return Ok(Told::All);
            }
        }
        let is_it = |shipping: &DayShipping| shipping.day == day;
        let mut shipping = match (&self.today, &self.closed) {
            (Some(today), _) if is_it(today) => self.today.take(),
            (_, Some(closed)) if is_it(closed) => self.closed.take(),
            _ => None,
        }
        .unwrap_or_else(|| DayShipping::new(day));
        tell_resumed(shipping.resume(&found), day, &self.name);
        let told = read_whole(&mut shipping, fleet, &self.fetcher, Rule::Everything, stop);
        let (batch, is_closed) = (shipping.batch(), shipping.is_closed());
        if told.is_err() {
            self.closed = Some(shipping);
        }
        let shipped = told?;
        growth = shipped.growth.get(&day).copied().unwrap_or(growth);
        if is_closed {
            tell_late(fleet, &fleet.begin(day)?, &shipped)?;
        } else if fleet.done(day, batch)? == Taken::No {
            return Err(ShipError::Anew);
        } else {
            info!(%day, sessions = shipped.sessions, rows = shipped.rows, "day shipped");
        }
        self.outbox.settle(day, growth);
        Ok(Told::All)
    }

    fn ship_today(&mut self, rule: Rule, stop: &Stop) -> Result<Next, ShipError> {
        let began = Instant::now();
        let mut reading = self.fetcher.ask(Question::Today)?;
        let closed = reading.head()?;
        let day = closed.ok_or(ReadError::NoDay)?.next();
        if self.today.as_ref().is_none_or(|today| today.day != day) {
            let before = self.today.replace(DayShipping::new(day));
            // What was told of the day before is known when its file is read.
            self.closed = before
                .filter(|before| before.day < day)
                .or(self.closed.take());
            self.counted_today = 0;
        }
        let fleet = self.fleet.as_ref().ok_or(ShipError::Anew)?;
        let Some(today) = &mut self.today else {
            return Err(ShipError::Anew);
        };
        if !today.is_begun() {
            if is_to_come(day, fleet.now()?, &mut self.is_ahead) {
                return Ok(Next::After(self.interval));
            }
            let is_made = fleet.want(day)?;
            let found = fleet.begin(day)?;
            if !is_made && !found.is_closed {
                return Ok(Next::Awaits(day));
            }
            tell_resumed(today.resume(&found), day, &self.name);
        }
        let shipped = today.ship(fleet, &mut reading, rule, stop)?;
        if today.is_closed() {
            tell_late(fleet, &fleet.begin(day)?, &shipped)?;
        }
        stop.tell(format!(
            "{day}: {} sessions counted, {} rows shipped at {}",
            shipped.sessions,
            shipped.rows,
            Timestamp::now().strftime("%H:%M:%S")
        ));
        self.see_to_shrinking(day, shipped.sessions, stop)?;
        Ok(Next::After(self.pause(began.elapsed())))
    }

    /// Counts do not fall. If they do, the file of today was replaced, and what had been counted is lost there, but not here: it
    /// stays another incarnation's. But when a clock that was ahead has closed the day, it is in the file of the closed day, which
    /// will be told as a whole.
    fn see_to_shrinking(&mut self, day: Day, sessions: u64, stop: &Stop) -> Result<(), ShipError> {
        let before = self.counted_today;
        let is_lost =
            sessions < before && sessions.saturating_add(self.closed_early(day, stop)?) < before;
        self.counted_today = sessions;
        if !is_lost {
            return Ok(());
        }
        warn!(
            %day, sessions, before,
            "the collector counts less of today than before: its file was replaced, or its day rotated by hand; from now on it is another collector"
        );
        if let Some(incarnation) = &mut self.incarnation {
            incarnation.renew()?;
        }
        self.begin_anew();
        Ok(())
    }

    /// Sessions of a day that is not over, and stand in the file of a closed one.
    fn closed_early(&self, day: Day, stop: &Stop) -> Result<u64, ShipError> {
        if !self.outbox.has_closed_days() {
            return Ok(0);
        }
        let (mut reading, mut sessions) = (self.fetcher.ask(Question::Closed(day))?, 0_u64);
        while let Some(event) = reading.next()? {
            stop.beat();
            if let Event::Counts(_, counts) = event {
                sessions = sessions.saturating_add(counts.sessions());
            }
        }
        Ok(sessions)
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

/// How far a closed day is.
enum Told {
    All,
    /// Its tables are not made yet.
    Awaits,
    /// A clock is wrong.
    Later,
}

/// Reads a closed day to its end.
fn read_whole(
    shipping: &mut DayShipping,
    fleet: &Fleet,
    fetcher: &Fetcher,
    rule: Rule,
    stop: &Stop,
) -> Result<Shipped, ShipError> {
    let mut reading = fetcher.ask(Question::Closed(shipping.day))?;
    let newest = reading.head()?;
    if newest.is_none_or(|newest| newest < shipping.day) {
        return Err(ReadError::NotClosed(shipping.day).into());
    }
    shipping.ship(fleet, &mut reading, rule, stop)
}

fn password(path: &Path) -> Result<String, ShipError> {
    let text = std::fs::read_to_string(path).map_err(|source| ShipError::Password {
        path: path.display().to_string(),
        source,
    })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
