//! What is counted.

use crate::error::CheckError;
use crate::{collector, input, reference, reporter};

/// Something that is done so many times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Workload {
    /// See [`mod@reference`].
    Reference,
    /// A datagram that the collector has seen before: read, recognised, counted.
    DatagramKnown,
    /// One that it has not: read, parsed, and its row written.
    DatagramNew,
    /// A domain's report from the counts of two collectors.
    Compose,
    /// A report's mail, unsigned.
    Message,
    /// The same, signed with Ed25519: with RSA everything else would be small beside the signature.
    SignedMessage,
    /// The signature alone.
    Signature,
}

impl Workload {
    pub(crate) const ALL: [Workload; 7] = [
        Workload::Reference,
        Workload::DatagramKnown,
        Workload::DatagramNew,
        Workload::Compose,
        Workload::Message,
        Workload::SignedMessage,
        Workload::Signature,
    ];

    /// Its word on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::Reference => "reference",
            Workload::DatagramKnown => "datagram-known",
            Workload::DatagramNew => "datagram-new",
            Workload::Compose => "compose",
            Workload::Message => "message",
            Workload::SignedMessage => "signed-message",
            Workload::Signature => "signature",
        }
    }

    /// Enough of them that what happens once in many rounds is counted too, and few enough for some seconds in all.
    pub(crate) fn rounds(self) -> u64 {
        match self {
            Workload::Reference => 40,
            Workload::DatagramKnown => 16_000,
            Workload::DatagramNew => 2_000,
            Workload::Compose => 400,
            Workload::Message | Workload::SignedMessage | Workload::Signature => 100,
        }
    }
}

/// Does it, `rounds` times; callgrind counts.
pub(crate) fn run(name: &str, rounds: &str) -> Result<(), CheckError> {
    let rounds = input::rounds(rounds)?;
    let named = |workload: &&Workload| workload.name() == name;
    match Workload::ALL.iter().find(named).ok_or(CheckError::Usage)? {
        Workload::Reference => {
            reference::run(rounds);
            Ok(())
        }
        Workload::DatagramKnown => collector::known(rounds),
        Workload::DatagramNew => collector::new(rounds),
        Workload::Compose => reporter::compose(rounds),
        Workload::Message => reporter::message(rounds),
        Workload::SignedMessage => reporter::signed_message(rounds),
        Workload::Signature => reporter::signature(rounds),
    }
}
