//! Destinations whose name is on a DNS block list of the operator's (`destination_dnsbl`).
//!
//! The name is asked about whoever reports there, its own domain too: it is the destination that somebody has had reason to list.

use std::net::IpAddr;

use tlsrptd_proto::domain::Domain;

use super::{DestinationLimit, and_more};
use crate::{
    environment::Records,
    model::{Destination, NamedBy, SuppressionTarget},
};

/// Destinations of one domain.
pub(super) struct Screened {
    /// Those that are on no list.
    pub(super) wanted: Vec<Destination>,
    /// Those that are, each with the reason.
    pub(super) listed: Vec<(Destination, String)>,
}

impl Screened {
    /// Why there is no report, if all are listed.
    pub(super) fn nothing_left(&self) -> Option<String> {
        let (_, first) = self.listed.first()?;
        let more = self.listed.len() - 1;
        self.wanted.is_empty().then(|| and_more(first, more))
    }
}

impl DestinationLimit {
    /// Asks the lists about destinations.
    pub(super) async fn screen<R: Records>(
        &self,
        records: &R,
        domain: &Domain,
        destinations: Vec<Destination>,
    ) -> Screened {
        let Some(lists) = records.block_lists() else {
            return Screened {
                wanted: destinations,
                listed: Vec::new(),
            };
        };
        let (mut wanted, mut listed) = (Vec::new(), Vec::new());
        for to in destinations {
            let reason = match self.name_to_ask(&to) {
                Some(name) => lists.reason(domain, &name).await,
                None => None,
            };
            match reason {
                Some(reason) => listed.push((to, format!("destination_dnsbl: {reason}"))),
                None => wanted.push(to),
            }
        }
        Screened { wanted, listed }
    }

    /// What the lists are asked: only names that a record names, and that the operator does not know.
    fn name_to_ask(&self, to: &Destination) -> Option<String> {
        if to.named_by == NamedBy::Operator {
            return None;
        }
        let name = SuppressionTarget::of(to)?.name();
        let is_name = Domain::parse(&name).is_ok() && name.parse::<IpAddr>().is_err();
        (is_name && !self.is_known(&name)).then_some(name)
    }
}
