//! Counts read as they stand in their text, and written into one, without a tree of JSON values in between: a tree takes
//! fifty times its text where somebody has made the text for that. What is built here takes what its distinct keys take.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    marker::PhantomData,
};

use serde_core::de::{
    Deserialize as _, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor,
};

use super::{CountedFailure, CountedPolicy, Counts, CountsError, PolicyCounts};
use crate::{
    clean::clean,
    domain::Domain,
    pyjson::{self, write_string},
};

/// A key is JSON in itself. No datagram is so long; what is longer counts as a key that cannot be read.
const LONGEST_KEY: usize = 512 << 10;

/// What is wrong beyond the JSON: serde's own errors are texts.
pub(crate) type Fault = RefCell<Option<CountsError>>;

/// Reads the counts of one domain.
pub(super) fn read<P: CountedPolicy, F: CountedFailure>(
    text: &str,
    domain: &Domain,
) -> Result<Counts<P, F>, CountsError> {
    let fault = Fault::default();
    let seed = CountsSeed::new(domain, &fault);
    pyjson::read_with(text, seed).map_err(|error| {
        // What breaks off in the middle is no other form, it is no JSON.
        let found = fault.take().filter(|_| error.is_data());
        found.unwrap_or(CountsError::Json(error))
    })
}

/// The counts where they stand in a larger text.
pub(crate) struct CountsSeed<'a, P, F> {
    domain: &'a Domain,
    fault: &'a Fault,
    keys: PhantomData<(P, F)>,
}

impl<'a, P, F> CountsSeed<'a, P, F> {
    pub(crate) fn new(domain: &'a Domain, fault: &'a Fault) -> Self {
        CountsSeed {
            domain,
            fault,
            keys: PhantomData,
        }
    }
}

// Derived, it would ask the keys to be `Copy`.
impl<P, F> Clone for CountsSeed<'_, P, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, F> Copy for CountsSeed<'_, P, F> {}

impl<'de, P: CountedPolicy, F: CountedFailure> DeserializeSeed<'de> for CountsSeed<'_, P, F> {
    type Value = Counts<P, F>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let fault = self.fault;
        fault.take();
        object(deserializer, self, fault, "the list of TXT records")
    }
}

impl<'de, P: CountedPolicy, F: CountedFailure> Visitor<'de> for CountsSeed<'_, P, F> {
    type Value = Counts<P, F>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut counts = Counts::default();
        while let Some(record) = members.next_key::<String>()? {
            let record = clean(&record).into_owned();
            members.next_value_seed(Policies {
                domain: self.domain,
                fault: self.fault,
                mine: counts.records.entry(record).or_default(),
            })?;
        }
        Ok(counts)
    }
}

struct Policies<'a, P, F> {
    domain: &'a Domain,
    fault: &'a Fault,
    mine: &'a mut BTreeMap<P, PolicyCounts<F>>,
}

impl<'de, P: CountedPolicy, F: CountedFailure> DeserializeSeed<'de> for Policies<'_, P, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let fault = self.fault;
        object(deserializer, self, fault, "the list of policies")
    }
}

impl<'de, P: CountedPolicy, F: CountedFailure> Visitor<'de> for Policies<'_, P, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<String>()? {
            let key = P::read(readable(&key), self.domain);
            let counts = members.next_value_seed(PolicySeed {
                fault: self.fault,
                failures: PhantomData,
            })?;
            self.mine.entry(key).or_default().merge(counts);
        }
        Ok(())
    }
}

struct PolicySeed<'a, F> {
    fault: &'a Fault,
    failures: PhantomData<F>,
}

impl<'de, F: CountedFailure> DeserializeSeed<'de> for PolicySeed<'_, F> {
    type Value = PolicyCounts<F>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let fault = self.fault;
        object(deserializer, self, fault, "a policy's entry")
    }
}

impl<'de, F: CountedFailure> Visitor<'de> for PolicySeed<'_, F> {
    type Value = PolicyCounts<F>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
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

struct Failures<'a, F> {
    fault: &'a Fault,
    mine: &'a mut BTreeMap<F, u64>,
}

impl<'de, F: CountedFailure> DeserializeSeed<'de> for Failures<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let fault = self.fault;
        object(deserializer, self, fault, "failures")
    }
}

impl<'de, F: CountedFailure> Visitor<'de> for Failures<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let fault = self.fault;
        let what = "a failure's number";
        while let Some(key) = members.next_key::<String>()? {
            let key = F::read(readable(&key));
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

/// No text is no key, whoever reads it.
fn readable(key: &str) -> &str {
    match key.len() <= LONGEST_KEY {
        true => key,
        false => "",
    }
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
pub(super) fn write<P: AsRef<str>, F: AsRef<str>>(counts: &Counts<P, F>) -> String {
    let mut out = String::new();
    object_of(&mut out, &counts.records, |out, (record, policies)| {
        key(out, record);
        object_of(out, policies, |out, (policy, counts)| {
            key(out, policy.as_ref());
            out.push('{');
            for (name, number) in [("cntrtotal", counts.total), ("cntrfailure", counts.failed)] {
                key(out, name);
                out.push_str(&number.to_string());
                out.push_str(", ");
            }
            key(out, "failures");
            object_of(out, &counts.failures, |out, (failure, number)| {
                key(out, failure.as_ref());
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
