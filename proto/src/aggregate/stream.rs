//! Counts read as they stand in their text, and written into one, without a tree of JSON values in between: a tree takes
//! fifty times its text where somebody has made the text for that. What is built here takes what its distinct keys take.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
};

use serde_core::de::{
    Deserialize as _, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor,
};

use super::{CountsError, DomainCounts, PolicyCounts};
use crate::{
    clean::clean,
    domain::Domain,
    failure::FailureKey,
    policy::PolicyKey,
    pyjson::{self, write_string},
};

/// A key is JSON in itself. No datagram is so long; what is longer counts as a key that cannot be read.
const LONGEST_KEY: usize = 512 << 10;

/// What is wrong beyond the JSON: serde's own errors are texts.
pub(crate) type Fault = RefCell<Option<CountsError>>;

/// Reads the counts of one domain.
pub(super) fn read(text: &str, domain: &Domain) -> Result<DomainCounts, CountsError> {
    let fault = Fault::default();
    let seed = Counts {
        domain,
        fault: &fault,
    };
    pyjson::read_with(text, seed).map_err(|error| {
        // What breaks off in the middle is no other form, it is no JSON.
        let found = fault.take().filter(|_| error.is_data());
        found.unwrap_or(CountsError::Json(error))
    })
}

/// The counts where they stand in a larger text.
#[derive(Clone, Copy)]
pub(crate) struct Counts<'a> {
    pub(crate) domain: &'a Domain,
    pub(crate) fault: &'a Fault,
}

impl<'de> DeserializeSeed<'de> for Counts<'_> {
    type Value = DomainCounts;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<DomainCounts, D::Error> {
        self.fault.take();
        object(deserializer, self, self.fault, "the list of TXT records")
    }
}

impl<'de> Visitor<'de> for Counts<'_> {
    type Value = DomainCounts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<DomainCounts, A::Error> {
        let mut counts = DomainCounts::default();
        while let Some(txt) = members.next_key::<String>()? {
            let txt = clean(&txt).into_owned();
            members.next_value_seed(Policies {
                within: self,
                mine: counts.txts.entry(txt).or_default(),
            })?;
        }
        Ok(counts)
    }
}

struct Policies<'a> {
    within: Counts<'a>,
    mine: &'a mut BTreeMap<PolicyKey, PolicyCounts>,
}

impl<'de> DeserializeSeed<'de> for Policies<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let fault = self.within.fault;
        object(deserializer, self, fault, "the list of policies")
    }
}

impl<'de> Visitor<'de> for Policies<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Counts { domain, fault } = self.within;
        while let Some(key) = members.next_key::<String>()? {
            // The counters are exact always; a key that cannot be read gives way.
            let key = readable(&key)
                .and_then(|key| PolicyKey::normalise(key, domain).ok())
                .unwrap_or_else(|| PolicyKey::unknown(domain));
            let counts = members.next_value_seed(Policy { fault })?;
            self.mine.entry(key).or_default().merge(counts);
        }
        Ok(())
    }
}

struct Policy<'a> {
    fault: &'a Fault,
}

impl<'de> DeserializeSeed<'de> for Policy<'_> {
    type Value = PolicyCounts;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<PolicyCounts, D::Error> {
        let fault = self.fault;
        object(deserializer, self, fault, "a policy's entry")
    }
}

impl<'de> Visitor<'de> for Policy<'_> {
    type Value = PolicyCounts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<PolicyCounts, A::Error> {
        let (mut total, mut failed, mut failures) = (None, None, BTreeMap::new());
        let fault = self.fault;
        while let Some(key) = members.next_key::<String>()? {
            let mut count = |what| members.next_value_seed(Count { fault, what });
            match key.as_str() {
                "cntrtotal" => total = Some(count("cntrtotal")?),
                "cntrfailure" => failed = Some(count("cntrfailure")?),
                "failures" => {
                    // Of a key that stands twice the last counts, as Python has it.
                    failures.clear();
                    let mine = &mut failures;
                    members.next_value_seed(Failures { fault, mine })?;
                }
                _ => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        let needed = |count: Option<u64>, what| {
            count.ok_or_else(|| {
                fault.replace(Some(CountsError::Count(what)));
                A::Error::custom(what)
            })
        };
        Ok(PolicyCounts {
            total: needed(total, "cntrtotal")?,
            failed: needed(failed, "cntrfailure")?,
            failures,
        })
    }
}

struct Failures<'a> {
    fault: &'a Fault,
    mine: &'a mut BTreeMap<FailureKey, u64>,
}

impl<'de> DeserializeSeed<'de> for Failures<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let fault = self.fault;
        object(deserializer, self, fault, "failures")
    }
}

impl<'de> Visitor<'de> for Failures<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let fault = self.fault;
        let what = "a failure's number";
        while let Some(key) = members.next_key::<String>()? {
            let key = readable(&key)
                .and_then(|key| FailureKey::normalise(key).ok())
                .unwrap_or_else(FailureKey::unknown);
            let number = members.next_value_seed(Count { fault, what })?;
            let mine = self.mine.entry(key).or_default();
            *mine = mine.saturating_add(number);
        }
        Ok(())
    }
}

struct Count<'a> {
    fault: &'a Fault,
    what: &'static str,
}

impl<'de> DeserializeSeed<'de> for Count<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        u64::deserialize(deserializer).inspect_err(|_| {
            self.fault.replace(Some(CountsError::Count(self.what)));
        })
    }
}

fn readable(key: &str) -> Option<&str> {
    (key.len() <= LONGEST_KEY).then_some(key)
}

/// Has an object visited; anything else is a fault.
fn object<'de, D: Deserializer<'de>, V: Visitor<'de>>(
    deserializer: D,
    visitor: V,
    fault: &Fault,
    what: &'static str,
) -> Result<V::Value, D::Error> {
    let begun = Cell::new(false);
    let begun = &begun;
    let visited = deserializer.deserialize_map(Begun { visitor, begun });
    if visited.is_err() && !begun.get() {
        fault.replace(Some(CountsError::Object(what)));
    }
    visited
}

/// Notes that there is an object.
struct Begun<'a, V> {
    visitor: V,
    begun: &'a Cell<bool>,
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Begun<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<V::Value, A::Error> {
        self.begun.set(true);
        self.visitor.visit_map(members)
    }
}

/// What `pyjson::compact` makes of the counts' value, written without that.
pub(super) fn write(counts: &DomainCounts) -> String {
    let mut out = String::new();
    object_of(&mut out, &counts.txts, |out, (txt, policies)| {
        key(out, txt);
        object_of(out, policies, |out, (policy, counts)| {
            key(out, policy.as_str());
            out.push('{');
            for (name, number) in [("cntrtotal", counts.total), ("cntrfailure", counts.failed)] {
                key(out, name);
                out.push_str(&number.to_string());
                out.push_str(", ");
            }
            key(out, "failures");
            object_of(out, &counts.failures, |out, (failure, number)| {
                key(out, failure.as_str());
                out.push_str(&number.to_string());
            });
            out.push('}');
        });
    });
    out
}

fn object_of<I: IntoIterator>(out: &mut String, members: I, write: impl Fn(&mut String, I::Item)) {
    out.push('{');
    for (number, member) in members.into_iter().enumerate() {
        if number > 0 {
            out.push_str(", ");
        }
        write(out, member);
    }
    out.push('}');
}

fn key(out: &mut String, text: &str) {
    write_string(out, text);
    out.push_str(": ");
}
