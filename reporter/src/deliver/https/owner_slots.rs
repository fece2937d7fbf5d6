//! Limits the connections to one IP address for all hosts of one owner: by a wildcard record, the owner of a domain can name
//! any number of hosts that lead to another one's server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tlsrptd_proto::domain::owner;

/// An address, and the owner of the hosts that lead to it. Each owner has slots of its own, so none can keep others from a
/// shared server.
type OwnerAtAddress = (IpAddr, String);

/// Counts connections that are being opened or whose response has not come.
#[derive(Clone, Debug)]
pub(super) struct OwnerSlots {
    /// Slots for each owner at each address.
    most: usize,
    taken: Arc<Mutex<HashMap<OwnerAtAddress, usize>>>,
}

/// A taken slot; dropping it frees it.
#[derive(Debug)]
pub(super) struct OwnerSlot {
    slots: OwnerSlots,
    key: OwnerAtAddress,
}

/// All slots are taken.
#[derive(Debug, thiserror::Error)]
#[error("{most} posts to names of {owner} are under way at {address}")]
pub(super) struct OwnerLimitError {
    most: usize,
    owner: String,
    address: IpAddr,
}

impl OwnerSlots {
    pub(super) fn new(most: usize) -> OwnerSlots {
        OwnerSlots {
            most,
            taken: Arc::default(),
        }
    }

    /// Takes a slot for a host with these addresses. The lowest address stands for all, so that their order does not matter.
    pub(super) fn take(
        &self,
        host: &str,
        addresses: &[IpAddr],
    ) -> Result<Option<OwnerSlot>, OwnerLimitError> {
        let Some(address) = addresses.iter().min() else {
            return Ok(None);
        };
        let key = (*address, owner(host.trim_end_matches('.')).to_owned());
        let mut taken = self.taken();
        let number = taken.entry(key.clone()).or_default();
        if *number >= self.most {
            let (address, owner) = key;
            return Err(OwnerLimitError {
                most: self.most,
                owner,
                address,
            });
        }
        *number += 1;
        drop(taken);
        let slots = self.clone();
        Ok(Some(OwnerSlot { slots, key }))
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<OwnerAtAddress, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OwnerSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
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
        let places = OwnerSlots::new(2);
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
