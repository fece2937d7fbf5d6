//! Signatures, verified by the library's other half; the end-to-end suite has dkimpy.

use std::borrow::Borrow;
use std::hash::Hash;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{
    AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt,
};
use rcgen::{
    KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize,
};
use tlsrptd_proto::tlsrpt_record::Mailbox;

use super::*;
use crate::deliver::message::compose;
use crate::deliver::{fixtures, sender::Sender};

fn signed(signers: &Signers) -> String {
    let report = fixtures::report();
    let sender = Sender::parse("Bücher <a@sender.example>", signers.domain.clone()).unwrap();
    let to = Mailbox::parse("tls-rpt@rcpt.example").unwrap();
    let message = compose(&report, &to, &sender, report.created, None, -1).unwrap();
    let signatures = signers.sign(&message, report.created).unwrap();
    String::from_utf8(message.bytes(&signatures)).unwrap()
}

/// A key file, and its entry in `dkim_keys`.
fn entry(folder: &Path, selector: &str, pem: &str) -> config::DkimKey {
    let path = folder.join(format!("{selector}.pem"));
    std::fs::write(&path, pem).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    config::DkimKey {
        selector: selector.to_owned(),
        path,
    }
}

/// The records of two selectors, in place of DNS.
struct Records(Vec<(String, Arc<DomainKey>)>);

impl Records {
    fn new(records: &[(&str, String)]) -> Records {
        let record = |(selector, text): &(&str, String)| {
            let name = format!("{selector}._domainkey.sender.example.");
            (name, Arc::new(DomainKey::parse(text.as_bytes()).unwrap()))
        };
        Records(records.iter().map(record).collect())
    }
}

impl ResolverCache<Box<str>, Txt> for Records {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let record = self.0.iter().find(|(known, _)| {
            let known: Box<str> = known.as_str().into();
            Borrow::<Q>::borrow(&known) == name
        })?;
        Some(Txt::DomainKey(Arc::clone(&record.1)))
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: std::time::Instant) {}
}

/// One word a signature.
async fn verdicts(mail: &str, records: &Records) -> Vec<&'static str> {
    let resolver =
        MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default()).unwrap();
    let message = AuthenticatedMessage::parse(mail.as_bytes()).unwrap();
    let parameters = Parameters::new(&message).with_txt_cache(records);
    let results = resolver.verify_dkim(parameters).await;
    let word = |result: &DkimResult| {
        if *result == DkimResult::Pass {
            "pass"
        } else {
            "fail"
        }
    };
    results.iter().map(|output| word(output.result())).collect()
}

#[tokio::test]
async fn every_key_signs_and_nothing_can_be_changed_or_added() {
    let folder = tempfile::tempdir().unwrap();
    let rsa = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let keys = [
        entry(folder.path(), "r1", &rsa.serialize_pem()),
        entry(folder.path(), "e1", &ed25519.serialize_pem()),
    ];
    let signers = Signers::read(Domain::parse("sender.example").unwrap(), &keys).unwrap();
    let mail = signed(&signers);
    assert_eq!(mail, signed(&signers), "a retry is the same bytes");
    assert!(mail.split("\r\n").all(|line| line.len() <= 100), "{mail}");

    let rsa_key = STANDARD.encode(rsa.subject_public_key_info());
    let ed25519_key = STANDARD.encode(ed25519.der_bytes());
    let records = Records::new(&[
        ("r1", format!("v=DKIM1; k=rsa; s=tlsrpt; p={rsa_key}")),
        (
            "e1",
            format!("v=DKIM1; k=ed25519; s=tlsrpt; p={ed25519_key}"),
        ),
    ]);
    #[rustfmt::skip]
    let rows = [
        (mail.clone(), "pass", "as sent"),
        (format!("Received: by relay\r\n{mail}"), "pass", "with trace headers"),
        (mail.replace("\r\n boundary=", "\r\n\t boundary="), "pass", "refolded"),
        (mail.replace("Failed sessions: 3", "Failed sessions: 0"), "fail", "another body"),
        (mail.replace("TLS-Report-Domain: example.com", "TLS-Report-Domain: example.net"), "fail", "another domain"),
        (format!("Subject: Report Domain: x\r\n{mail}"), "fail", "a second Subject"),
        (format!("Reply-To: x@evil.example\r\n{mail}"), "fail", "a Reply-To"),
    ];
    for (mail, expected, why) in rows {
        assert_eq!(
            verdicts(&mail, &records).await,
            [expected, expected],
            "{why}"
        );
    }
}

#[test]
fn key_files_that_cannot_sign_are_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let elliptic = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    #[rustfmt::skip]
    let rows = [
        (elliptic.serialize_pem(), "is neither RSA nor Ed25519"),
        (elliptic.public_key_pem(), "is the public key"),
        (String::new(), "holds no private key"),
        ("text".to_owned(), "holds no private key"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII=\n".to_owned(), "is encrypted"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nMII=\n".to_owned(), "is in OpenSSH's own form"),
        (SHORT.to_owned(), "is an RSA key of less than 2048 bits"),
    ];
    for (number, (pem, reason)) in rows.iter().enumerate() {
        let key = entry(folder.path(), &number.to_string(), pem);
        let path = key.path.display().to_string();
        let problems = Signers::read(Domain::parse("x.example").unwrap(), &[key]).unwrap_err();
        let text = problems[0].to_string();
        assert!(
            text.starts_with(&format!("DKIM key {path}: {reason} (allowed: ")),
            "{text}"
        );
    }
    let missing = config::DkimKey {
        selector: "s".into(),
        path: "/nonexistent/key".into(),
    };
    let problems = Signers::read(Domain::parse("x.example").unwrap(), &[missing]).unwrap_err();
    assert!(
        problems[0]
            .to_string()
            .starts_with("DKIM key /nonexistent/key: cannot be read: ")
    );
}

/// 512 bits: a key that protects nothing.
const SHORT: &str = "\
-----BEGIN RSA PRIVATE KEY-----\n\
MIIBPAIBAAJBANb7Ni2wvRYk/+BVIKsbrTBHsCBa1R799Q2lWtJEkgTJUnJsi33E\n\
l/kLK4OB7LcgQnBzx+LUGFazy5USIcNJhF0CAwEAAQJBAJtOViCB6sgBqLx2oygZ\n\
0W7siyeElyxRiOP3zfnTQa2kM0jpgXZEfweRRz1dexiFhQA8dqhmQPt4ePCZGx1C\n\
zCECIQD8VzGVHl9q3uOtatlTXyzbJ+P7JL2tnMS2LMfEGuiEaQIhANoZUp82DBY+\n\
9XeKFzL4d/TEdTlv6XRj66G0mzbyOXHVAiEA9h1VDswA5ItgJNQCA37gkR/nDBxZ\n\
o+szMTub23kjL4ECIQDP8hD6yDdiBolYfot8B7en4qC6MN/wH00NEvxiuTTYOQIg\n\
cvsgvIVouTyKnk9mgjXuo6kfYm5d+oCMZ650H1cegOE=\n\
-----END RSA PRIVATE KEY-----";
