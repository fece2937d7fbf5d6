//! Connections to one address for the names of one owner: with a wildcard, whoever owns a domain has hosts without number at
//! somebody else's server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tlsrptd_proto::domain::owner;

/// An address, and the owner of the names that lead to it. Owners do not share: none can keep others from a shared server.
type Key = (IpAddr, String);

/// The connections that are being opened, or have not been answered on.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// For each key.
    most: usize,
    taken: Arc<Mutex<HashMap<Key, usize>>>,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    key: Key,
}

/// There is no place.
#[derive(Debug, thiserror::Error)]
#[error("{most} posts to names of {owner} are under way at {address}")]
pub(super) struct Crowded {
    most: usize,
    owner: String,
    address: IpAddr,
}

impl Places {
    pub(super) fn new(most: usize) -> Places {
        Places {
            most,
            taken: Arc::default(),
        }
    }

    /// A place at a host that has these addresses: in whatever order they come, the least stands for them.
    pub(super) fn take(&self, host: &str, addresses: &[IpAddr]) -> Result<Option<Place>, Crowded> {
        let Some(address) = addresses.iter().min() else {
            return Ok(None);
        };
        let key = (*address, owner(host.trim_end_matches('.')).to_owned());
        let mut taken = self.taken();
        let number = taken.entry(key.clone()).or_default();
        if *number >= self.most {
            let (address, owner) = key;
            return Err(Crowded {
                most: self.most,
                owner,
                address,
            });
        }
        *number += 1;
        drop(taken);
        let places = self.clone();
        Ok(Some(Place { places, key }))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<Key, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        match taken.get_mut(&self.key) {
            Some(number) if *number > 1 => *number -= 1,
            _ => drop(taken.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_address_and_owner() {
        let places = Places::new(2);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let two: IpAddr = "192.0.2.2".parse().unwrap();
        let first = places.take("a.evil.example", &[two, one]).unwrap();
        let _second = places.take("b.evil.example.", &[one, two]).unwrap();
        let error = places.take("c.evil.example", &[one]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "2 posts to names of evil.example are under way at 192.0.2.1"
        );
        let _elsewhere = places.take("c.evil.example", &[two]).unwrap();
        let _neighbour = places.take("c.good.example", &[one]).unwrap();
        assert!(places.take("nowhere.example", &[]).unwrap().is_none());
        drop(first);
        let _third = places.take("c.evil.example", &[one]).unwrap();
        assert!(places.take("d.evil.example", &[one]).is_err());
        drop((_second, _elsewhere, _neighbour, _third));
        assert!(places.taken().is_empty());
    }
}
