//! Types that the stages share: decisions, reports, destinations, deliveries. The stages use these and not each other's.
//!
//! Pure: nothing here reads a file, a socket or a clock.

mod bounce;
mod bounce_tag;
mod canonical;
mod counted;
mod decision;
mod delivery;
mod destination;
mod digest;
mod domain_day;
mod fetch_job;
mod mx_host;
mod named;
mod queue_key;
mod request;
mod target;

pub use bounce::{BounceBlame, BounceKind, BounceResult};
pub use bounce_tag::{BounceKey, BounceTag, KEY_LENGTH, LONGEST_TAG, TaggedMail};
pub use counted::{CountedDetails, CountedFailure};
pub use decision::{CountedRows, DecidedDomain, Decision, NewReport};
pub use delivery::{Delivery, DeliveryStatus, Payload, ReportKind, StoredReport};
pub use destination::{Destination, DestinationKind, NamedBy};
pub use digest::{DigestContents, DigestMail, DigestPeriod, DigestStatus};
pub use domain_day::{CollectorRow, DomainDay, LONGEST_SILENCE, OurMails};
pub use fetch_job::{CollectorCommand, FetchJob, Fetched, collector_of};
pub use mx_host::{MxHost, MxHostDay, MxShare, ReportSubject};
pub use named::{
    NAMED_DAYS, NamedBefore, NamedDestination, NamedPart, OwnerSketch, is_at_or_below,
    named_by_others,
};
pub use queue_key::{Carrier, QueueKey};
pub use request::{RequestId, RequestKind, RequestState};
pub use target::{SuppressionTarget, TargetError};
