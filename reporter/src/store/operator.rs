//! Port of what the operator asks and changes by `tlsrptctl`, while a reporter may be at work.

use tlsrptd_proto::day::Day;

use super::{
    DeliveriesView, DomainDays, FleetView, History, MissingCollector, OperatorBounces,
    OperatorRequests, PolicyTotals, ResultTotals, StoreError,
};
use crate::model::SuppressionTarget;

/// A store that exists, for one command.
///
/// # Errors
/// All fail when the engine cannot read or write; nothing has changed then.
pub trait OperatorStore:
    History + DomainDays + DeliveriesView + OperatorRequests + OperatorBounces + FleetView
{
    /// The collectors that were given up, of the days `from..=to` that are decided.
    fn missing_collectors(&self, from: Day, to: Day) -> Result<Vec<MissingCollector>, StoreError>;

    /// What was done on all days, also on those that are not remembered one by one any more: these numbers never fall.
    fn running_totals(&self) -> Result<RunningTotals, StoreError>;

    /// Of a day, by result type: the sessions that failed so at the domain that had most of them; the most first. Of very many
    /// failures only those of the most sessions are looked at.
    fn most_failed(&self, day: Day) -> Result<Vec<ResultTotals>, StoreError>;

    /// Puts a target on the suppression list, or changes its entry. `false`: it was there.
    fn suppress(
        &mut self,
        target: &SuppressionTarget,
        until: Option<Day>,
        reason: &str,
        today: Day,
    ) -> Result<bool, StoreError>;

    /// Takes a target off the list, and forgets what it refused: for reports on one domain, or for all. Gives the number
    /// of entries that were there.
    fn unsuppress(
        &mut self,
        target: &SuppressionTarget,
        domain: Option<&str>,
    ) -> Result<usize, StoreError>;

    /// What is suppressed on that day, in the order of the targets.
    fn suppressed(&self, today: Day) -> Result<Vec<SuppressionRow>, StoreError>;
}

/// What was done on all days together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunningTotals {
    /// Sessions by policy type.
    pub by_policy: Vec<PolicyTotals>,
    /// Failures by result type.
    pub by_result: Vec<ResultTotals>,
    /// Deliveries that have ended.
    pub deliveries: Vec<CarrierTotals>,
    /// Mails that came back.
    pub bounces: Vec<BounceTotals>,
}

impl RunningTotals {
    /// Adds a row of an engine's: those of a name come one behind the other.
    pub(super) fn add(&mut self, kind: &str, name: String, number: u64, failed: u64) {
        match kind {
            "policy" => match self.by_policy.last_mut() {
                Some(last) if last.policy_type == name => {
                    last.sessions = last.sessions.saturating_add(number);
                    last.failed = last.failed.saturating_add(failed);
                }
                _ => self.by_policy.push(PolicyTotals {
                    policy_type: name,
                    sessions: number,
                    failed,
                }),
            },
            "result" => match self.by_result.last_mut() {
                Some(last) if last.result_type == name => {
                    last.sessions = last.sessions.saturating_add(number);
                }
                _ => self.by_result.push(ResultTotals {
                    result_type: name,
                    sessions: number,
                }),
            },
            "bounce" => match self.bounces.last_mut() {
                Some(last) if last.result == name => {
                    last.mails = last.mails.saturating_add(number);
                }
                _ => self.bounces.push(BounceTotals {
                    result: name,
                    mails: number,
                }),
            },
            _ => {
                let (carrier, status) = name.split_once('/').unwrap_or((&name, ""));
                match self.deliveries.last_mut() {
                    Some(last) if last.carrier == carrier && last.status == status => {
                        last.deliveries = last.deliveries.saturating_add(number);
                    }
                    _ => self.deliveries.push(CarrierTotals {
                        carrier: carrier.to_owned(),
                        status: status.to_owned(),
                        deliveries: number,
                    }),
                }
            }
        }
    }
}

/// The mails that came back and of which the same became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BounceTotals {
    /// The word of a [`BounceResult`](crate::model::BounceResult).
    pub result: String,
    /// How many.
    pub mails: u64,
}

/// The deliveries of one carrier that ended in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierTotals {
    /// The word of a [`Carrier`](crate::model::Carrier).
    pub carrier: String,
    /// The word of a [`DeliveryStatus`](crate::model::DeliveryStatus).
    pub status: String,
    /// How many.
    pub deliveries: u64,
}

/// One entry of the suppression list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuppressionRow {
    /// What gets nothing.
    pub target: String,
    /// On which domain; `None` on any.
    pub domain: Option<String>,
    /// The last day; `None` for ever.
    pub until: Option<String>,
    /// The first day.
    pub since: String,
    /// `operator` or `refusals`.
    pub by: String,
    /// How often it was suspended for its refusals.
    pub times: i64,
    /// Why.
    pub reason: String,
}
