//! One domain's line, `{"d": DOMAIN, "policies": COUNTS}`, read without a tree of its values.

use std::cell::RefCell;
use std::fmt;

use serde_core::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::FetchError;
use crate::{
    counts::{CountsSeed, Fault, FetchedCounts},
    domain::Domain,
    pyjson,
};

/// Reads it; `fits` says whether the domain is one that can stand there.
pub(super) fn details(
    text: &str,
    fits: impl Fn(Domain) -> Result<Domain, FetchError>,
) -> Result<(Domain, FetchedCounts), FetchError> {
    let first = read(text, None, &fits)?;
    match first {
        (Some(domain), Some(counts)) => Ok((domain, counts)),
        // The counts stood first: now it is known whose they are.
        (Some(domain), None) => match read(text, Some(&domain), &fits)? {
            (_, Some(counts)) => Ok((domain, counts)),
            _ => Err(FetchError::Details),
        },
        _ => Err(FetchError::Details),
    }
}

type Found = (Option<Domain>, Option<FetchedCounts>);

fn read(
    text: &str,
    known: Option<&Domain>,
    fits: &dyn Fn(Domain) -> Result<Domain, FetchError>,
) -> Result<Found, FetchError> {
    let (fault, counts_fault) = (RefCell::default(), Fault::default());
    let line = Line {
        known,
        fits,
        fault: &fault,
        counts_fault: &counts_fault,
    };
    pyjson::read_with(text, line).map_err(|error| {
        if !error.is_data() {
            return FetchError::Json(error);
        }
        let counts = counts_fault.take().map(FetchError::Counts);
        counts.or(fault.take()).unwrap_or(FetchError::Details)
    })
}

#[derive(Clone, Copy)]
struct Line<'a> {
    known: Option<&'a Domain>,
    fits: &'a dyn Fn(Domain) -> Result<Domain, FetchError>,
    fault: &'a RefCell<Option<FetchError>>,
    counts_fault: &'a Fault,
}

impl<'de> DeserializeSeed<'de> for Line<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        self.fault.take();
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Line<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of `d` and `policies`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Found, A::Error> {
        let (mut domain, mut counts) = (self.known.cloned(), None);
        while let Some(key) = members.next_key::<String>()? {
            match (key.as_str(), &domain) {
                ("d", _) => {
                    let text: String = members.next_value()?;
                    let parsed = Domain::parse(&text).map_err(FetchError::Domain);
                    let fits = parsed.and_then(|domain| (self.fits)(domain));
                    domain = Some(fits.map_err(|fault| {
                        self.fault.replace(Some(fault));
                        A::Error::custom("not that domain")
                    })?);
                }
                ("policies", Some(domain)) => {
                    let fault = self.counts_fault;
                    counts = Some(members.next_value_seed(CountsSeed::new(domain, fault))?);
                }
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok((domain, counts))
    }
}
