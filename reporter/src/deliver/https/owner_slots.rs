//! Limits the connections to one IP address for all hosts of one owner: by a wildcard record, the owner of a domain can name
//! any number of hosts that lead to another one's server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tlsrptd_proto::domain::owner;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// An address, and the owner of the hosts that lead to it. Each owner has slots of its own, so none can keep others from a
/// shared server.
type OwnerAtAddress = (IpAddr, String);

/// Counts connections that are being opened or whose response has not come.
#[derive(Clone, Debug)]
pub(super) struct OwnerSlots {
    /// Slots for each owner at each address.
    most: usize,
    /// Longest wait for a slot that other hosts hold. Hosts get slots in the order in which they ask, so that a provider
    /// whose customers' hosts share an address serves one after the other.
    wait: Duration,
    /// Those that are in use or waited for.
    slots: Arc<Mutex<HashMap<OwnerAtAddress, Weak<SharedSlots>>>>,
}

/// The slots of one owner at one address.
#[derive(Debug)]
struct SharedSlots {
    free: Arc<Semaphore>,
    /// The host of each taken slot.
    taken_by: Mutex<Vec<String>>,
}

/// A taken slot; dropping it frees it.
#[derive(Debug)]
pub(super) struct OwnerSlot {
    #[expect(dead_code, reason = "held until it is dropped")]
    permit: OwnedSemaphorePermit,
    shared: Arc<SharedSlots>,
    host: String,
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
    pub(super) fn new(most: usize, wait: Duration) -> OwnerSlots {
        OwnerSlots {
            most,
            wait,
            slots: Arc::default(),
        }
    }

    /// Waits for a slot for a host with these addresses. The lowest address stands for all, so that their order does not
    /// matter.
    pub(super) async fn take(
        &self,
        host: &str,
        addresses: &[IpAddr],
    ) -> Result<Option<OwnerSlot>, OwnerLimitError> {
        let Some(address) = addresses.iter().min().copied() else {
            return Ok(None);
        };
        let owner = owner(host.trim_end_matches('.'));
        let shared = self.of((address, owner.to_owned()));
        let mut free = pin!(Arc::clone(&shared.free).acquire_owned());
        loop {
            match timeout(self.wait, &mut free).await {
                Ok(Ok(permit)) => return Ok(Some(OwnerSlot::new(permit, shared, host))),
                // The HTTP library opens more connections than it has posts for. The host's own hinder nobody else, and its
                // time limit to connect ends this wait.
                Err(_) if shared.are_taken_by(host) => {}
                // The semaphore is never closed: the wait is over.
                Ok(Err(_)) | Err(_) => {
                    return Err(OwnerLimitError {
                        most: self.most,
                        owner: owner.to_owned(),
                        address,
                    });
                }
            }
        }
    }

    fn of(&self, key: OwnerAtAddress) -> Arc<SharedSlots> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = slots.get(&key).and_then(Weak::upgrade) {
            return found;
        }
        // Slots hold what they are taken from.
        slots.retain(|_, shared| shared.strong_count() > 0);
        let new = Arc::new(SharedSlots {
            free: Arc::new(Semaphore::new(self.most)),
            taken_by: Mutex::default(),
        });
        slots.insert(key, Arc::downgrade(&new));
        new
    }
}

impl SharedSlots {
    /// Whether no other host has one.
    fn are_taken_by(&self, host: &str) -> bool {
        self.hosts().iter().all(|other| other == host)
    }

    fn hosts(&self) -> MutexGuard<'_, Vec<String>> {
        self.taken_by.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OwnerSlot {
    fn new(permit: OwnedSemaphorePermit, shared: Arc<SharedSlots>, host: &str) -> OwnerSlot {
        let host = host.to_owned();
        shared.hosts().push(host.clone());
        OwnerSlot {
            permit,
            shared,
            host,
        }
    }
}

impl Drop for OwnerSlot {
    fn drop(&mut self) {
        let mut hosts = self.shared.hosts();
        if let Some(at) = hosts.iter().position(|host| *host == self.host) {
            hosts.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn by_address_and_owner() {
        let slots = OwnerSlots::new(2, WAIT);
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let two: IpAddr = "192.0.2.2".parse().unwrap();
        let first = slots.take("a.evil.example", &[two, one]).await.unwrap();
        let _second = slots.take("b.evil.example.", &[one, two]).await.unwrap();
        let error = slots.take("c.evil.example", &[one]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "2 posts to names of evil.example are under way at 192.0.2.1"
        );
        let _elsewhere = slots.take("c.evil.example", &[two]).await.unwrap();
        let _neighbour = slots.take("c.good.example", &[one]).await.unwrap();
        assert!(slots.take("nowhere.example", &[]).await.unwrap().is_none());
        drop(first);
        let _third = slots.take("c.evil.example", &[one]).await.unwrap();
        assert!(slots.take("d.evil.example", &[one]).await.is_err());
        drop((_second, _elsewhere, _neighbour, _third));
        let _last = slots.take("d.evil.example", &[two]).await.unwrap();
        assert_eq!(slots.slots.lock().unwrap().len(), 1, "of those in use");
    }

    /// A provider with many customers' hosts at one address.
    #[tokio::test(start_paused = true)]
    async fn hosts_of_one_owner_take_turns() {
        let slots = OwnerSlots::new(2, WAIT);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let served = Arc::new(Mutex::new(Vec::new()));
        let posts = (0..10).map(|number| {
            let (slots, served) = (slots.clone(), Arc::clone(&served));
            async move {
                let host = format!("customer-{number}.provider.example");
                let _slot = slots.take(&host, &[address]).await.unwrap();
                tokio::time::sleep(WAIT / 8).await;
                served.lock().unwrap().push(number);
            }
        });
        futures_util::future::join_all(posts).await;
        assert_eq!(*served.lock().unwrap(), Vec::from_iter(0..10));
    }

    /// A receiver that is slow to connect: the client opens a connection for each post that no open one is free for.
    #[tokio::test(start_paused = true)]
    async fn a_host_waits_for_its_own_connections() {
        let slots = OwnerSlots::new(2, WAIT);
        let address: IpAddr = "192.0.2.1".parse().unwrap();
        let first = slots.take("mx.receiver.example", &[address]).await;
        let _second = slots.take("mx.receiver.example", &[address]).await.unwrap();
        let addresses = [address];
        let third = slots.take("mx.receiver.example", &addresses);
        let freed = async {
            tokio::time::sleep(WAIT * 3).await;
            drop(first);
        };
        let (third, ()) = tokio::join!(third, freed);
        let _third = third.unwrap();
        let other = slots.take("other.receiver.example", &[address]).await;
        assert!(other.is_err(), "its connections, not the other's");
    }
}
