//! Who may be asked for again. A name that nobody answers for holds its place for long, and one owner can have many of
//! them: look-ups that are repeated have a bound of their own, and a share of it an owner.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tlsrptd_proto::domain::Domain;

/// Look-ups that wait for a second answer at once,
const AT_ONCE: usize = 128;
/// and those among them of one owner.
const OF_ONE_OWNER: usize = 16;
/// Who has used its share up is waited for so long.
const SHORT: Duration = Duration::from_secs(1);

/// The places.
#[derive(Clone, Debug, Default)]
pub(super) struct Retries(Arc<Mutex<HashMap<String, usize>>>);

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    retries: Retries,
    owner: String,
}

impl Retries {
    /// A place for another try, or none.
    pub(super) fn enter(&self, domain: &Domain) -> Option<Place> {
        let owner = owner(domain);
        let mut taken = self.taken();
        let of_all: usize = taken.values().sum();
        let of_owner = taken.get(&owner).copied().unwrap_or(0);
        if of_all >= AT_ONCE || of_owner >= OF_ONE_OWNER {
            return None;
        }
        taken.insert(owner.clone(), of_owner + 1);
        drop(taken);
        Some(Place {
            retries: self.clone(),
            owner,
        })
    }

    /// How long each server is waited for.
    pub(super) fn patience(&self, domain: &Domain) -> Duration {
        match self.taken().get(&owner(domain)) {
            Some(taken) if *taken >= OF_ONE_OWNER => SHORT,
            _ => Duration::MAX,
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.retries.taken();
        match taken.get_mut(&self.owner) {
            Some(number) if *number > 1 => *number -= 1,
            _ => {
                taken.remove(&self.owner);
            }
        }
    }
}

/// The last two labels. Under `co.uk` many are one owner; they share sixteen places, and nothing else follows from it.
fn owner(domain: &Domain) -> String {
    let text = domain.to_string();
    let start = text.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
    text[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    #[test]
    fn an_owner_has_a_share() {
        let retries = Retries::default();
        let mut places: Vec<Place> = (0..OF_ONE_OWNER)
            .map(|n| {
                retries
                    .enter(&domain(&format!("a{n}.slow.example")))
                    .unwrap()
            })
            .collect();
        let next = domain("b.slow.example");
        assert!(retries.enter(&next).is_none(), "its share is used up");
        assert_eq!(retries.patience(&next), SHORT, "and it is waited for less");
        let other = domain("slow.test");
        assert_eq!(retries.patience(&other), Duration::MAX, "others are not");
        places.push(retries.enter(&other).unwrap());
        places.remove(0);
        places.push(retries.enter(&next).unwrap());
        assert!(retries.enter(&next).is_none());
        places.clear();
        assert!(retries.taken().is_empty(), "nothing is kept of them");
    }

    #[test]
    fn all_together_have_a_bound() {
        let retries = Retries::default();
        let place = |n: usize| retries.enter(&domain(&format!("d{n}.test")));
        let places: Vec<_> = (0..AT_ONCE + 1).map(place).collect();
        assert!(places[AT_ONCE].is_none());
        assert_eq!(places.iter().flatten().count(), AT_ONCE);
    }
}
