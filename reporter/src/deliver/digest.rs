//! Sends a digest to the operator: signed, and by the way of the reports.

use super::{Deliverer, Outcome, mail::Envelope, message};
use crate::model::DigestMail;

impl Deliverer {
    /// Makes one attempt, in bounded time.
    pub async fn send_digest(&self, digest: &DigestMail) -> Outcome {
        let Some(to) = &self.digest_to else {
            let reason = "digest_address is not set".to_owned();
            return Outcome::Unsendable { reason };
        };
        let message = message::compose_digest(digest, to, &self.sender);
        let signatures = match self.signers.sign(&message, digest.made) {
            Ok(signatures) => signatures,
            Err(error) => return Outcome::retry(format!("DKIM: {error}")),
        };
        let envelope = Envelope {
            from: &self.sender.address,
            to,
            copy_to: None,
            envelope_id: None,
        };
        let bytes = message.bytes(&signatures);
        super::local_shortage::unless_exhausted(self.mailer.send_apart(&envelope, &bytes).await)
    }
}
