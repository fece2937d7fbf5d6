//! The tag behind the envelope sender's local part: it names the mail, and shows that we have made it.
//!
//! It is letters and digits without case, so that it survives whatever receivers do to addresses: a letter for what was
//! mailed, its number, a fingerprint of what it is, and a check. The check covers all before it, so that a tag is known for
//! ours without the row that it names. The fingerprint covers what does not stand in the tag: a number is given again when its
//! row was cleaned, to another report.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};

use super::{Delivery, RequestId};

/// The octets of the longest tag.
pub const LONGEST_TAG: usize = 1 + NUMBER + (FINGERPRINT + CHECK) / 5 * 8;

/// Octets of the key.
pub const KEY_LENGTH: usize = 32;

/// The digits of the longest number.
const NUMBER: usize = 13;
/// Octets of both, in groups of five: eight letters each.
const FINGERPRINT: usize = 5;
const CHECK: usize = 10;

/// RFC 4648 section 6, in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What a tag names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaggedMail {
    /// A delivery, by the row of its report.
    Delivery(i64),
    /// What the operator has asked for.
    Request(RequestId),
}

/// A tag. Whether it is ours, its [`BounceKey`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BounceTag {
    mail: TaggedMail,
    fingerprint: [u8; FINGERPRINT],
    check: [u8; CHECK],
}

/// What tags are made and recognized with: it stays in the database.
#[derive(Clone)]
pub struct BounceKey {
    octets: [u8; KEY_LENGTH],
    key: hmac::Key,
}

impl BounceTag {
    /// Reads a tag; `None` for another text.
    pub fn parse(text: &str) -> Option<BounceTag> {
        let text = text.to_ascii_lowercase();
        let (rest, tail) = text.split_at_checked(text.len().checked_sub(24)?)?;
        let (kind, digits) = rest.split_at_checked(1)?;
        let number = number(digits)?;
        let mail = match kind {
            "d" => TaggedMail::Delivery(number),
            "r" => TaggedMail::Request(RequestId(number)),
            _ => return None,
        };
        let octets = octets(tail)?;
        let (fingerprint, check) = octets.split_at_checked(FINGERPRINT)?;
        Some(BounceTag {
            mail,
            fingerprint: fingerprint.try_into().ok()?,
            check: check.try_into().ok()?,
        })
    }

    /// The tag of a text that may be an address, in angle brackets or not: the letters and digits at the end of its local
    /// part, whatever delimiter stands before them.
    pub fn find(text: &str) -> Option<BounceTag> {
        let text = text.trim().trim_matches(['<', '>', '"']);
        let local = text.rsplit_once('@').map_or(text, |(local, _)| local);
        let local = local.trim_end_matches('"');
        let tag = local.rsplit(|c: char| !c.is_ascii_alphanumeric()).next()?;
        BounceTag::parse(tag)
    }

    /// What it names.
    pub fn mail(&self) -> TaggedMail {
        self.mail
    }
}

impl fmt::Display for BounceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, number) = self.mail.parts();
        f.write_str(kind)?;
        f.write_str(&digits(number))?;
        let octets = [self.fingerprint.as_slice(), &self.check].concat();
        f.write_str(&letters(&octets))
    }
}

impl TaggedMail {
    fn parts(self) -> (&'static str, i64) {
        match self {
            TaggedMail::Delivery(number) => ("d", number),
            TaggedMail::Request(RequestId(number)) => ("r", number),
        }
    }
}

impl BounceKey {
    /// From its octets; `None` for another number of them.
    pub fn new(octets: &[u8]) -> Option<BounceKey> {
        let octets = <[u8; KEY_LENGTH]>::try_from(octets).ok()?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &octets);
        Some(BounceKey { octets, key })
    }

    /// As it is kept.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The tag of a delivery that is about to be mailed.
    pub fn tag_of(&self, delivery: &Delivery) -> BounceTag {
        let (report, uri) = (&delivery.report, delivery.destination.uri());
        match delivery.request {
            Some(request) => self.of_request(request, uri),
            None => {
                let day = report.day.to_string();
                let domain = report.domain.as_str();
                self.of_delivery(delivery.r_id, &day, domain, report.uniqid, uri)
            }
        }
    }

    /// The tag of a delivery: the row of its report, the day and the domain that this is about, its number among theirs, and
    /// where it goes.
    pub fn of_delivery(
        &self,
        r_id: i64,
        day: &str,
        domain: &str,
        uniqid: u64,
        uri: &str,
    ) -> BounceTag {
        let uniqid = uniqid.to_string();
        self.tag(TaggedMail::Delivery(r_id), &[day, domain, &uniqid, uri])
    }

    /// The tag of what the operator has asked for.
    pub fn of_request(&self, request: RequestId, uri: &str) -> BounceTag {
        self.tag(TaggedMail::Request(request), &[uri])
    }

    /// Whether we have made it.
    pub fn has_made(&self, tag: &BounceTag) -> bool {
        let check = self.check(tag.mail, &tag.fingerprint);
        constant_time::verify_slices_are_equal(&check, &tag.check).is_ok()
    }

    fn tag(&self, mail: TaggedMail, about: &[&str]) -> BounceTag {
        let (kind, number) = mail.parts();
        let number = number.to_string();
        let texts = ["mail", kind, &number].into_iter();
        let texts = texts.chain(about.iter().copied());
        let fingerprint = self.sign(texts.map(str::as_bytes));
        BounceTag {
            mail,
            fingerprint,
            check: self.check(mail, &fingerprint),
        }
    }

    fn check(&self, mail: TaggedMail, fingerprint: &[u8; FINGERPRINT]) -> [u8; CHECK] {
        let (kind, number) = mail.parts();
        let number = number.to_string();
        let texts = ["tag", kind, &number].map(str::as_bytes);
        self.sign(texts.into_iter().chain([fingerprint.as_slice()]))
    }

    /// Each part with its length, so that no two lists are alike.
    fn sign<'a, const N: usize>(&self, parts: impl Iterator<Item = &'a [u8]>) -> [u8; N] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut first = [0; N];
        let signed = context.sign();
        first
            .iter_mut()
            .zip(signed.as_ref())
            .for_each(|(to, from)| *to = *from);
        first
    }
}

impl fmt::Debug for BounceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BounceKey")
    }
}

/// To the base 32, without zeros before it.
fn digits(number: i64) -> String {
    let mut rest = number.unsigned_abs();
    let mut digits = Vec::with_capacity(NUMBER);
    while rest > 0 {
        digits.push(char::from(ALPHABET[(rest % 32) as usize]));
        rest /= 32;
    }
    digits.iter().rev().collect()
}

fn number(digits: &str) -> Option<i64> {
    if digits.is_empty() || digits.len() > NUMBER || digits.starts_with('a') {
        return None;
    }
    digits.bytes().try_fold(0_i64, |number, digit| {
        number.checked_mul(32)?.checked_add(value(digit)?.into())
    })
}

fn letters(octets: &[u8]) -> String {
    let bits = |group: &[u8]| {
        let all = group
            .iter()
            .fold(0_u64, |all, octet| all << 8 | u64::from(*octet));
        (0..8)
            .rev()
            .map(move |place| (all >> (5 * place) & 31) as usize)
    };
    let groups = octets.chunks(5).flat_map(bits);
    groups.map(|bits| char::from(ALPHABET[bits])).collect()
}

fn octets(letters: &str) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(letters.len() / 8 * 5);
    for group in letters.as_bytes().chunks(8) {
        let all = group.iter().try_fold(0_u64, |all, letter| {
            Some(all << 5 | u64::from(value(*letter)?))
        })?;
        octets.extend_from_slice(&all.to_be_bytes()[3..]);
    }
    Some(octets)
}

fn value(letter: u8) -> Option<u8> {
    let place = ALPHABET.iter().position(|known| *known == letter)?;
    u8::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8) -> BounceKey {
        BounceKey::new(&[octet; KEY_LENGTH]).unwrap()
    }

    const URI: &str = "mailto:tls@x.example";

    #[test]
    fn tags_are_read_as_they_are_written() {
        for number in [1, 31, 32, 1_000_000, i64::MAX] {
            let tag = key(1).of_delivery(number, "2026-11-20", "x.example", 1, URI);
            let text = tag.to_string();
            assert!(text.len() <= LONGEST_TAG, "{text}");
            assert_eq!(BounceTag::parse(&text), Some(tag));
            assert_eq!(BounceTag::parse(&text.to_uppercase()), Some(tag), "no case");
            assert_eq!(tag.mail(), TaggedMail::Delivery(number));
            assert!(key(1).has_made(&tag));
            assert!(!key(2).has_made(&tag), "another installation's");
        }
        let longest = key(1).of_request(RequestId(i64::MAX), URI).to_string();
        assert_eq!(longest.len(), LONGEST_TAG);
    }

    #[test]
    fn no_letter_of_a_tag_can_be_another() {
        let tag = key(1).of_delivery(77, "2026-11-20", "x.example", 1, URI);
        let text = tag.to_string();
        for place in 0..text.len() {
            for letter in ALPHABET {
                let mut changed = text.clone().into_bytes();
                changed[place] = *letter;
                let changed = String::from_utf8(changed).unwrap();
                let found = BounceTag::parse(&changed).filter(|tag| key(1).has_made(tag));
                assert_eq!(found.is_some(), changed == text, "{changed}");
            }
        }
    }

    #[test]
    fn each_thing_that_is_mailed_has_another_tag() {
        let of = |r_id, day, domain, uniqid, uri| {
            key(1)
                .of_delivery(r_id, day, domain, uniqid, uri)
                .to_string()
        };
        let all = [
            of(1, "2026-11-20", "x.example", 1, URI),
            of(2, "2026-11-20", "x.example", 1, URI),
            of(1, "2026-11-21", "x.example", 1, URI),
            of(1, "2026-11-20", "y.example", 1, URI),
            of(1, "2026-11-20", "x.example", 2, URI),
            of(1, "2026-11-20", "x.example", 1, "mailto:b@x.example"),
            key(1).of_request(RequestId(1), URI).to_string(),
            key(2).of_request(RequestId(1), URI).to_string(),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn where_a_tag_is_found() {
        let tag = key(1).of_request(RequestId(5), URI);
        for (text, is_found, why) in [
            (
                format!("tlsrpt-bounces+{tag}@s.example"),
                true,
                "an address",
            ),
            (
                format!(" <tlsrpt-bounces+{tag}@s.example>"),
                true,
                "as in a header",
            ),
            (
                format!("bounces-{tag}@s.example"),
                true,
                "another delimiter",
            ),
            (format!("\"bounces={tag}\"@s.example"), true, "quoted"),
            (tag.to_string(), true, "EXTENSION, or an envelope id"),
            (
                format!("BOUNCES+{tag}@S.EXAMPLE").to_uppercase(),
                true,
                "no case",
            ),
            (format!("{tag}x@s.example"), false, "more behind it"),
            (format!("bounces+{tag}+x@s.example"), false, "the same"),
            ("tlsrpt-bounces@s.example".to_owned(), false, "none"),
            (String::new(), false, "nothing"),
            ("+@".to_owned(), false, "nearly nothing"),
            ("ü".repeat(40), false, "no letters of ours"),
            ("d".repeat(5000), false, "far too long"),
            (
                format!("da{}", "a".repeat(24)),
                false,
                "a number with zeros before it",
            ),
            (
                format!("d{}{}", "7".repeat(13), "a".repeat(24)),
                false,
                "no number of a row",
            ),
        ] {
            let found = BounceTag::find(&text).filter(|tag| key(1).has_made(tag));
            assert_eq!(found.is_some(), is_found, "{text}: {why}");
        }
    }
}
