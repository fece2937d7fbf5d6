//! Which queries may be repeated. A name whose servers never answer takes long, and one owner can have many such names: a
//! limit holds for all repeated look-ups together, and another one for those of one owner.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tlsrptd_proto::domain::{Domain, owner};

/// Repeated look-ups at once,
const AT_ONCE: usize = 128;
/// and those among them of one owner.
const OF_ONE_OWNER: usize = 16;
/// The longest wait for a server, for an owner who has used its share up.
const SHORT_WAIT: Duration = Duration::from_secs(1);

/// Repeated look-ups, by owner.
#[derive(Clone, Debug, Default)]
pub(super) struct RetryBudget(Arc<Mutex<HashMap<String, usize>>>);

/// One repeated look-up, until it is dropped.
#[derive(Debug)]
pub(super) struct RetryPermit {
    budget: RetryBudget,
    owner: String,
}

impl RetryBudget {
    /// `None`: the limit is reached, the query is not repeated.
    pub(super) fn acquire(&self, domain: &Domain) -> Option<RetryPermit> {
        let owner = owner(domain.as_str()).to_owned();
        let mut taken = self.taken();
        let of_all: usize = taken.values().sum();
        let of_owner = taken.get(&owner).copied().unwrap_or(0);
        if of_all >= AT_ONCE || of_owner >= OF_ONE_OWNER {
            return None;
        }
        taken.insert(owner.clone(), of_owner + 1);
        drop(taken);
        Some(RetryPermit {
            budget: self.clone(),
            owner,
        })
    }

    /// The longest wait for each server.
    pub(super) fn max_wait(&self, domain: &Domain) -> Duration {
        match self.taken().get(owner(domain.as_str())) {
            Some(taken) if *taken >= OF_ONE_OWNER => SHORT_WAIT,
            _ => Duration::MAX,
        }
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RetryPermit {
    fn drop(&mut self) {
        let mut taken = self.budget.taken();
        match taken.get_mut(&self.owner) {
            Some(number) if *number > 1 => *number -= 1,
            _ => {
                taken.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    #[test]
    fn an_owner_has_a_share() {
        let budget = RetryBudget::default();
        let mut permits: Vec<RetryPermit> = (0..OF_ONE_OWNER)
            .map(|n| {
                budget
                    .acquire(&domain(&format!("a{n}.slow.example")))
                    .unwrap()
            })
            .collect();
        let next = domain("b.slow.example");
        assert!(budget.acquire(&next).is_none(), "its share is used up");
        assert_eq!(
            budget.max_wait(&next),
            SHORT_WAIT,
            "and it is waited for less"
        );
        let other = domain("slow.test");
        assert_eq!(budget.max_wait(&other), Duration::MAX, "others are not");
        permits.push(budget.acquire(&other).unwrap());
        permits.remove(0);
        permits.push(budget.acquire(&next).unwrap());
        assert!(budget.acquire(&next).is_none());
        permits.clear();
        assert!(budget.taken().is_empty(), "nothing is kept of them");
    }

    #[test]
    fn all_together_have_a_bound() {
        let budget = RetryBudget::default();
        let permit = |n: usize| budget.acquire(&domain(&format!("d{n}.test")));
        let permits: Vec<_> = (0..AT_ONCE + 1).map(permit).collect();
        assert!(permits[AT_ONCE].is_none());
        assert_eq!(permits.iter().flatten().count(), AT_ONCE);
    }
}
