//! How much may be under way at one time.

/// A post that takes longer gives its place to the next, and goes on in the room for slow ones. So many of those for
/// each place,
const SLOW_A_PLACE: usize = 8;
/// and in all: a connection takes some 50 KiB.
const MOST_SLOW: usize = 512;
/// A port that has never answered gets so large a part of its host's connections.
const UNPROVEN: usize = 2;

/// The bounds, from the options and from the descriptors of this process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Attempts in each queue of our own: the relay, the local disk.
    pub(super) own: usize,
    /// Posts that have not been found slow.
    pub(super) quick: usize,
    /// Posts that have.
    pub(super) slow: usize,
    /// Attempts at one host, whatever the port.
    pub(super) per_host: usize,
    /// Posts a second that are begun at one host; 0 sets no bound.
    pub(super) rate_per_host: u32,
}

impl Limits {
    /// A quarter of the descriptors is for posts: the rest is for their connections that are kept, look-ups, the relay,
    /// programs and files.
    pub(crate) fn new(
        deliveries: usize,
        per_host: usize,
        rate_per_host: u32,
        descriptors: usize,
    ) -> Limits {
        let posts = (descriptors / 4).max(2);
        let quick = deliveries.min(posts / 2).max(1);
        let slow = deliveries.saturating_mul(SLOW_A_PLACE).min(MOST_SLOW);
        Limits {
            own: per_host.min(deliveries),
            quick,
            slow: slow.min(posts - quick).max(1),
            per_host,
            rate_per_host,
        }
    }

    /// Posts to hosts that were slow before begin only here, so that others that become slow have room.
    pub(super) fn slow_begun(&self) -> usize {
        (self.slow / 2).max(1)
    }

    /// Attempts at ports of a host that have never answered.
    pub(super) fn unproven(&self) -> usize {
        (self.per_host / UNPROVEN).max(1)
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
            let limits = Limits::new(deliveries, per_host, 50, descriptors);
            assert_eq!((limits.quick, limits.slow), (quick, slow), "{why}");
            assert!(limits.posts() <= (descriptors / 4).max(2), "{why}");
        }
        assert_eq!(Limits::new(1, 4, 0, 1024).own, 1, "mails too");
        assert_eq!(Limits::new(64, 4, 0, 1024).own, 4);
    }
}
