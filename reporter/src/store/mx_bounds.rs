//! What is told apart of one MX host, in each engine alike: so many policies and failures, those that came first. Behind them the
//! counters stay exact.

/// Policies of a host that are told apart.
const POLICIES: i64 = 50;
/// Policies and failures together.
const KINDS: i64 = 1000;

/// How many are told apart of one host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MxKinds {
    pub(super) policies: i64,
    /// Policies and failures together.
    pub(super) kinds: i64,
}

impl MxKinds {
    /// Whether one more policy is told apart; then it counts.
    pub(super) fn take_policy(&mut self) -> bool {
        let has_room = self.policies < POLICIES && self.kinds < KINDS;
        self.policies += i64::from(has_room);
        self.kinds += i64::from(has_room);
        has_room
    }

    /// The same of one more failure.
    pub(super) fn take_failure(&mut self) -> bool {
        let has_room = self.kinds < KINDS;
        self.kinds += i64::from(has_room);
        has_room
    }
}
