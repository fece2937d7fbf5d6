//! What a question about a domain and a day begins with.

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::{day::Day, domain::Domain};

use crate::{
    error::Error,
    store::{self, DomainDayState, OperatorAccess, OperatorStore, StoreError},
};

/// What is stored of a domain's day.
pub(super) struct StoredDay {
    pub(super) domain: Domain,
    /// `None`: there is none yet, and today's counts can be shown all the same.
    pub(super) store: Option<Box<dyn OperatorStore>>,
    pub(super) state: DomainDayState,
}

impl StoredDay {
    /// Reads it.
    ///
    /// # Errors
    /// When the domain is none, the day lies ahead, or the settings or the store cannot be used.
    pub(super) fn find(
        settings: &Reportd,
        asked: &str,
        day: Day,
        today: Day,
    ) -> Result<StoredDay, Error> {
        let domain = read_domain(asked)?;
        check_begun(day, today)?;
        let store = open(settings, day, today)?;
        let state = match &store {
            Some(store) => store.domain_day(day, &domain, asked)?,
            None => DomainDayState::default(),
        };
        Ok(StoredDay {
            domain,
            store,
            state,
        })
    }
}

fn check_begun(day: Day, today: Day) -> Result<(), Error> {
    match day > today {
        true => Err(Error::Argument {
            what: "DAY",
            problem: format!("{day} has not begun (today is {today}, UTC)"),
        }),
        false => Ok(()),
    }
}

/// A day that is looked at without asking the collectors.
///
/// # Errors
/// When it has not ended.
pub(super) fn check_closed(day: Day, today: Day) -> Result<(), Error> {
    check_begun(day, today)?;
    match day == today {
        true => Err(Error::Argument {
            what: "DAY",
            problem: format!("{day} has not ended, UTC: tlsrptctl asks the collectors for today"),
        }),
        false => Ok(()),
    }
}

/// A domain in any spelling.
///
/// # Errors
/// When it is none.
pub(crate) fn read_domain(text: &str) -> Result<Domain, Error> {
    Domain::parse(text).map_err(|error| Error::Argument {
        what: "DOMAIN",
        problem: error.to_string(),
    })
}

/// The store; today's counts can be shown before there is any.
///
/// # Errors
/// When it cannot be used.
pub(super) fn open(
    settings: &Reportd,
    day: Day,
    today: Day,
) -> Result<Option<Box<dyn OperatorStore>>, Error> {
    match store::open_for_operator(settings, OperatorAccess::Read) {
        Ok(store) => Ok(Some(store)),
        Err(StoreError::Missing { .. }) if day == today => Ok(None),
        Err(error) => Err(error.into()),
    }
}
