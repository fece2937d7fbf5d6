//! Ours, stage by stage.

use super::day::Rua;
use super::receive;
use super::reportd::{Cost, Scene};
use super::taken::Taken;
use super::{MILLION, ReporterBench};
use crate::error::BenchError;

pub(super) const POST_HOSTS: u64 = 16;
/// Nothing is sent while the day is composed.
pub(super) const LATER: &str = "spread_out_delivery = 86400\n";

/// What a day of one size has cost. Costs are since the start of the process that did it.
pub(super) struct Stages {
    pub(super) domains: u64,
    /// Without DNS.
    pub(super) gathered: Cost,
    pub(super) composed: Cost,
    /// MiB.
    pub(super) stored: f64,
    pub(super) sent: Option<StageSent>,
}

/// The second half.
pub(super) struct StageSent {
    /// Gathered and composed, each record looked up.
    pub(super) looked_up: Cost,
    /// By itself.
    pub(super) composed_with_dns: f64,
    /// Not measured at the largest size.
    pub(super) unsigned: Option<Cost>,
    pub(super) mailed: Cost,
    /// With two signatures. Not measured at the largest size.
    pub(super) signed_twice: Option<Cost>,
    pub(super) posted: Cost,
    /// Octets in use, once everything is sent.
    pub(super) kept: f64,
}

impl ReporterBench<'_> {
    pub(super) fn stages(&self, domains: u64) -> Result<Stages, BenchError> {
        let taken = Taken::default();
        let smtp = receive::smtp(taken.clone())?;
        let without_dns = self.options(smtp, None, 0) + LATER;
        let scene = self.scene(domains, Rua::Mail, without_dns)?;
        let [gathered, composed] = store(&scene)?;
        let stored = scene.size();
        let sent = match self.plan.stored {
            true => None,
            false => Some(self.sent(&scene, domains, smtp, &taken)?),
        };
        self.leave(scene);
        Ok(Stages {
            domains,
            gathered,
            composed,
            stored,
            sent,
        })
    }

    /// From the stored reports of the first half on.
    fn sent(
        &self,
        scene: &Scene,
        domains: u64,
        smtp: u16,
        taken: &Taken,
    ) -> Result<StageSent, BenchError> {
        let unsigned = match domains {
            MILLION.. => None,
            _ => Some(deliver(scene, taken)?),
        };
        let dns = receive::dns(Rua::Mail)?;
        scene.again(&(self.options(smtp, Some(dns), 1) + LATER))?;
        let [gathered, looked_up] = store(scene)?;
        let mailed = deliver(scene, taken)?;
        let kept = scene.in_use()?;
        let signed_twice = match domains {
            MILLION.. => None,
            _ => {
                scene.again(&(self.options(smtp, None, 2) + LATER))?;
                store(scene)?;
                Some(deliver(scene, taken)?)
            }
        };
        Ok(StageSent {
            looked_up,
            composed_with_dns: looked_up.seconds - gathered.seconds,
            unsigned,
            mailed,
            kept,
            signed_twice,
            posted: self.posted(domains)?,
        })
    }

    fn posted(&self, domains: u64) -> Result<Cost, BenchError> {
        let taken = Taken::default();
        let rua = Rua::Post {
            port: receive::https(taken.clone())?,
            hosts: POST_HOSTS,
        };
        let smtp = receive::smtp(Taken::default())?;
        let scene = self.scene(domains, rua, self.options(smtp, None, 0) + LATER)?;
        store(&scene)?;
        let cost = deliver(&scene, &taken)?;
        self.leave(scene);
        Ok(cost)
    }
}

/// Gathers and composes.
pub(super) fn store(scene: &Scene) -> Result<[Cost; 2], BenchError> {
    let mut reportd = scene.start()?;
    let costs = [reportd.gathered()?, reportd.composed()?];
    reportd.stop()?;
    Ok(costs)
}

/// A few were due while the day was composed: they are not worth a difference.
pub(super) fn deliver(scene: &Scene, taken: &Taken) -> Result<Cost, BenchError> {
    scene.bring_forward()?;
    let wanted = taken.number() + scene.pending()?;
    let mut reportd = scene.start()?;
    let cost = reportd.delivered(taken, wanted)?;
    reportd.stop()?;
    Ok(cost)
}
