//! The envelope sender of report mails with `bounce_address`: each mail has its own, so that a bounce says which it is about.

use tlsrptd_config::reportd::Reportd;
use tlsrptd_proto::tlsrpt_record::Mailbox;

use super::PrepareError;
use crate::model::{BounceKey, Delivery, LONGEST_TAG};

/// The longest local part (RFC 5321 section 4.5.3.1.1), less the delimiter and the tag.
const MAX_LOCAL: usize = 64 - 1 - LONGEST_TAG;
/// The longest address, less the same.
const MAX_ADDRESS: usize = 254 - 1 - LONGEST_TAG;

/// Where bounces come back to.
#[derive(Debug)]
pub(super) struct BounceSender {
    address: Mailbox,
    delimiter: char,
    /// `None` until the database is open: nothing is mailed before.
    pub(super) key: Option<BounceKey>,
}

/// The envelope sender of one mail.
#[derive(Debug)]
pub(super) struct TaggedSender {
    pub(super) address: Mailbox,
    /// The tag, by which a delivery status notification names the mail (RFC 3461 section 4.4). It is letters and digits, and so
    /// its own xtext (section 4).
    pub(super) envelope_id: String,
}

impl BounceSender {
    /// From the settings; `None` without `bounce_address`.
    pub(super) fn prepare(settings: &Reportd) -> Result<Option<BounceSender>, PrepareError> {
        let Some(text) = &settings.bounce_address else {
            return Ok(None);
        };
        let wrong = |problem: String| PrepareError::BounceAddress(problem);
        let address = Mailbox::parse(text).map_err(|source| PrepareError::Address {
            option: "bounce_address",
            source,
        })?;
        let local = address.local();
        if local.starts_with('"') {
            return Err(wrong(
                "its local part is quoted, and takes no tag".to_owned(),
            ));
        }
        if local.len() > MAX_LOCAL || address.as_str().len() > MAX_ADDRESS {
            return Err(wrong(format!(
                "it has {} octets before the @, and a delimiter and a tag of up to {LONGEST_TAG} come behind them",
                local.len()
            )));
        }
        Ok(Some(BounceSender {
            address,
            delimiter: settings.bounce_delimiter,
            key: None,
        }))
    }

    /// The address without a tag.
    pub(super) fn address(&self) -> &Mailbox {
        &self.address
    }

    /// The envelope sender of a mail.
    pub(super) fn of(&self, delivery: &Delivery) -> Option<TaggedSender> {
        let tag = self.key.as_ref()?.tag_of(delivery).to_string();
        let (local, delimiter) = (self.address.local(), self.delimiter);
        let domain = self.address.domain();
        // It fits: the settings were checked.
        let address = Mailbox::parse(&format!("{local}{delimiter}{tag}@{domain}")).ok()?;
        Some(TaggedSender {
            address,
            envelope_id: tag,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{deliver::fixtures, model::KEY_LENGTH};

    #[test]
    fn the_longest_tag_fits() {
        let settings = |address: &str| fixtures::settings(&[("bounce_address", address)]);
        for (address, problem, why) in [
            ("tlsrpt-bounces@sender.example", None, "the usual one"),
            (
                "a123456789b123456789c1234@sender.example",
                None,
                "25 octets",
            ),
            (
                "a123456789b123456789c12345@sender.example",
                Some("26 octets"),
                "26",
            ),
            (
                "\"ab\"@sender.example",
                Some("quoted"),
                "no place for a tag",
            ),
            ("a@[192.0.2.1]", Some("literal"), "no domain"),
        ] {
            match (BounceSender::prepare(&settings(address)), problem) {
                (Ok(Some(mut sender)), None) => {
                    let mut delivery = fixtures::delivery("mailto:tls@x.example");
                    delivery.r_id = i64::MAX;
                    assert!(sender.of(&delivery).is_none(), "without a key");
                    sender.key = BounceKey::new(&[1; KEY_LENGTH]);
                    let tagged = sender.of(&delivery).unwrap();
                    let want = address.replace('@', &format!("+{}@", tagged.envelope_id));
                    assert_eq!(tagged.address.as_str(), want, "{why}");
                }
                (Err(error), Some(problem)) => {
                    assert!(error.to_string().contains(problem), "{why}: {error}");
                }
                (got, _) => panic!("{address}: {why}: {got:?}"),
            }
        }
        assert!(
            BounceSender::prepare(&fixtures::settings(&[]))
                .unwrap()
                .is_none()
        );
    }
}
