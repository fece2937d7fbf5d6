//! How many attempts may be under way at one time.

/// A post that takes longer frees its slot, and goes on in one for slow posts. So many of these for each other slot,
const SLOW_PER_QUICK: usize = 8;
/// and in all: a connection takes some 50 KiB.
const MAX_SLOW: usize = 512;

/// The limits, from the options and the descriptors of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConcurrencyLimits {
    /// Attempts in each queue of the operator's own: the relay, the local disk.
    pub(super) local: usize,
    /// Posts that have not been found slow.
    pub(super) quick: usize,
    /// Posts that have.
    pub(super) slow: usize,
    /// Attempts at one host, whatever the port.
    pub(super) per_host: usize,
    /// Posts a second that start at one host; 0: no limit.
    pub(super) rate_per_host: u32,
}

impl ConcurrencyLimits {
    /// A quarter of the descriptors is for posts: the rest is for their connections that are kept, look-ups, the relay,
    /// programs and files.
    pub(crate) fn new(
        deliveries: usize,
        per_host: usize,
        rate_per_host: u32,
        descriptors: usize,
    ) -> ConcurrencyLimits {
        let posts = (descriptors / 4).max(2);
        let quick = deliveries.min(posts / 2).max(1);
        let slow = deliveries.saturating_mul(SLOW_PER_QUICK).min(MAX_SLOW);
        ConcurrencyLimits {
            local: per_host.min(deliveries),
            quick,
            slow: slow.min(posts - quick).max(1),
            per_host,
            rate_per_host,
        }
    }

    /// Posts to hosts that were slow before start in these slots, so that slots are left for posts that become slow.
    pub(super) fn slow_at_start(&self) -> usize {
        (self.slow / 2).max(1)
    }

    /// Attempts at those ports of a host that have never answered.
    pub(super) fn unproven(&self) -> usize {
        (self.per_host / 2).max(1)
    }

    /// Attempts at one port for reported domains that are known to be slow there.
    pub(super) fn slow_domains(&self) -> usize {
        (self.per_host / 2).max(1)
    }

    /// All posts that can be under way.
    pub(crate) fn posts(&self) -> usize {
        self.quick + self.slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_descriptors_bound_together() {
        for (deliveries, per_host, descriptors, quick, slow, why) in [
            (64, 4, 20_000, 64, 512, "the defaults"),
            (64, 4, 1024, 64, 192, "few descriptors"),
            (64, 4, 64, 8, 8, "very few"),
            (64, 4, 0, 1, 1, "there is always one"),
            (1, 4, 20_000, 1, 8, "one at a time"),
            (10_000, 4, 20_000, 2500, 512, "a quarter of the descriptors"),
        ] {
            let limits = ConcurrencyLimits::new(deliveries, per_host, 50, descriptors);
            assert_eq!((limits.quick, limits.slow), (quick, slow), "{why}");
            assert!(limits.posts() <= (descriptors / 4).max(2), "{why}");
        }
        assert_eq!(ConcurrencyLimits::new(1, 4, 0, 1024).local, 1, "mails too");
        assert_eq!(ConcurrencyLimits::new(64, 4, 0, 1024).local, 4);
    }
}
