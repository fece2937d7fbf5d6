//! Who has used how much of the day's file: whoever owns a domain can send any number of names below it, and the file is
//! for all.
//!
//! A name is charged to its last two labels and to its last three: `a.b.example.co.uk` to `co.uk` and to
//! `example.co.uk`, its *owners*. An owner may use an eighth of what is still *free*, not of the whole: so something is
//! always free, however many owners use what they may, and who has used little gets it (network switches call this dynamic
//! thresholds). The three labels may use an eighth of what their two have left. So neither `*.example.com` nor, under
//! `co.uk`, `*.example.co.uk` takes the room of others, and no list of public suffixes has to be kept new.
//!
//! The sums are kept in a table of fixed size (a count-min sketch), whatever the number of names: a sum is never too low,
//! and too high by a few in ten thousand of the file. They are read from the file, so a restart forgives nobody.

use std::hash::Hasher;

use rusqlite::{Connection, Result};
use siphasher::sip128::{Hasher128, SipHasher13};
use tlsrptd_proto::domain::owner;

use super::{day_file_budget, name_filter::NameFilter};

/// An owner may use one part in so many of what is free.
const PART: i64 = 8;
/// Bytes that every owner may use: in a file of the usual size the sums are no more exact.
const FLOOR: i64 = 64 << 10;
/// Size of the sketch.
const ROWS: usize = 4;
const WIDTH: usize = 1 << 14;

const SESSIONS: &str = "SELECT domain, count(*), sum(octet_length(domain) + octet_length(tlsrptrecord) + octet_length(policy))
    FROM finalresults GROUP BY day, domain";
const FAILURES: &str = "SELECT domain, count(*),
        sum(octet_length(domain) + octet_length(tlsrptrecord) + octet_length(policy) + octet_length(reason))
    FROM failures GROUP BY day, domain";

/// See the module.
pub(super) struct Shares {
    sums: Box<[i64]>,
    /// Keyed at random: strangers cannot choose names that share a sum with another one.
    hasher: SipHasher13,
    /// What the running transaction has charged.
    charges: Vec<Charge>,
    /// The names that were ever charged. One of a transaction that failed is one too many, and costs a look into the file.
    names: NameFilter,
}

/// Bytes charged to the name with that hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charge {
    hash: u128,
    bytes: i64,
}

impl Shares {
    pub(super) fn new(key: [u8; 16]) -> Shares {
        Shares {
            sums: vec![0; ROWS * WIDTH].into(),
            hasher: SipHasher13::new_with_key(&key),
            charges: Vec::new(),
            names: NameFilter::default(),
        }
    }

    /// Reads the sums from the file.
    pub(super) fn read(db: &Connection) -> Result<Shares> {
        let mut shares = Shares::new(rand::random());
        for sql in [SESSIONS, FAILURES] {
            let mut statement = db.prepare(sql)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                // Another program may have left a row without a domain.
                let Some(domain) = row.get::<_, Option<String>>(0)? else {
                    continue;
                };
                let (number, bytes): (i64, Option<i64>) = (row.get(1)?, row.get(2)?);
                shares.charge(&domain, day_file_budget::cost(number, bytes.unwrap_or(0)));
            }
        }
        shares.commit();
        Ok(shares)
    }

    /// Charges a row of so many bytes to the owners of a name.
    pub(super) fn charge(&mut self, domain: &str, bytes: i64) {
        self.names.insert(self.hash(domain));
        let (two, three) = owners(domain);
        for owner in [Some(two), three].into_iter().flatten() {
            let charge = Charge {
                hash: self.hash(owner),
                bytes,
            };
            self.add(charge);
            self.charges.push(charge);
        }
    }

    /// False when the file surely has no row of that name, unless another program has made one since it was read.
    pub(super) fn may_have_rows(&self, domain: &str) -> bool {
        self.names.may_contain(self.hash(domain))
    }

    /// The owner of a name that has used up its share of `free` bytes, if one has.
    pub(super) fn over<'d>(&self, domain: &'d str, free: i64) -> Option<&'d str> {
        let (two, three) = owners(domain);
        let used = self.used(two);
        if used < FLOOR {
            return None;
        }
        let left = free / PART - used;
        if left <= 0 {
            return Some(two);
        }
        three.filter(|three| {
            let used = self.used(three);
            used >= FLOOR && used >= left / PART
        })
    }

    /// The transaction is committed.
    pub(super) fn commit(&mut self) {
        self.charges.clear();
    }

    /// Takes back what the transaction charged, and says what that was: it failed, as far as is known.
    pub(super) fn roll_back(&mut self) -> Vec<Charge> {
        let charges = std::mem::take(&mut self.charges);
        for charge in &charges {
            self.add(Charge {
                bytes: -charge.bytes,
                ..*charge
            });
        }
        charges
    }

    /// The transaction is committed after all.
    pub(super) fn charge_again(&mut self, charges: &[Charge]) {
        for charge in charges {
            self.add(*charge);
        }
    }

    fn used(&self, owner: &str) -> i64 {
        let hash = self.hash(owner);
        let sums = places(hash).map(|place| self.sums[place]);
        sums.into_iter().min().unwrap_or_default()
    }

    fn add(&mut self, charge: Charge) {
        for place in places(charge.hash) {
            self.sums[place] = self.sums[place].saturating_add(charge.bytes);
        }
    }

    fn hash(&self, name: &str) -> u128 {
        let mut hasher = self.hasher;
        hasher.write(name.as_bytes());
        hasher.finish128().as_u128()
    }
}

/// One place in each row.
fn places(hash: u128) -> [usize; ROWS] {
    std::array::from_fn(|row| row * WIDTH + (hash >> (32 * row)) as usize % WIDTH)
}

/// The last two labels, and the last three where there are so many.
fn owners(domain: &str) -> (&str, Option<&str>) {
    let two = owner(domain);
    if two == domain {
        return (two, None);
    }
    let third = domain.rmatch_indices('.').nth(2);
    let three = third.map_or(domain, |(dot, _)| &domain[dot + 1..]);
    (two, Some(three))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: i64 = 800 << 20;

    #[test]
    fn whom_a_name_is_charged_to() {
        for (domain, two, three) in [
            ("test", "test", None),
            ("a.test", "a.test", None),
            ("b.a.test", "a.test", Some("b.a.test")),
            ("d.c.b.a.test", "a.test", Some("b.a.test")),
            ("x.example.co.uk", "co.uk", Some("example.co.uk")),
        ] {
            assert_eq!(owners(domain), (two, three), "{domain}");
        }
    }

    /// Charges new names of an owner for as long as it may, and says how much that was.
    fn greedy(shares: &mut Shares, owner: &str, free: &mut i64) -> i64 {
        let before = *free;
        for n in 0.. {
            let name = format!("n{n}.{owner}");
            if shares.over(&name, *free).is_some() {
                break;
            }
            shares.charge(&name, 32 << 10);
            *free -= 32 << 10;
        }
        before - *free
    }

    #[test]
    fn something_is_free_for_others_always() {
        let (mut shares, mut free) = (Shares::new([7; 16]), FREE);
        let first = greedy(&mut shares, "evil.test", &mut free);
        assert!((FREE / 9..FREE / 8).contains(&first), "{first}");
        for n in 0..30 {
            greedy(&mut shares, &format!("evil{n}.test"), &mut free);
        }
        assert!(free > FREE / 9 / 8, "{free} after thirty more");
        let over = shares.over("another.evil.test", free);
        assert_eq!(over, Some("evil.test"), "who took it is named");
        for honest in ["honest.test", "mail.honest.test", "a.b.c.d.test"] {
            assert_eq!(shares.over(honest, free), None, "{honest}");
        }
    }

    #[test]
    fn a_public_suffix_is_not_one_owner() {
        let (mut shares, mut free) = (Shares::new([7; 16]), FREE);
        let evil = greedy(&mut shares, "evil.co.uk", &mut free);
        assert!(evil < FREE / 8 / 8, "{evil}");
        assert_eq!(shares.over("more.evil.co.uk", free), Some("evil.co.uk"));
        assert_eq!(shares.over("honest.co.uk", free), None);
    }

    #[test]
    fn what_did_not_come_about_is_not_charged() {
        let mut shares = Shares::new([7; 16]);
        shares.charge("a.test", 1 << 30);
        let charges = shares.roll_back();
        assert_eq!(shares.over("a.test", FREE), None);
        shares.charge_again(&charges);
        assert_eq!(shares.over("a.test", FREE), Some("a.test"));
        shares.commit();
        assert!(shares.roll_back().is_empty());
    }

    #[test]
    fn many_names_do_not_make_a_small_one_large() {
        let mut shares = Shares::new([7; 16]);
        for n in 0..300_000 {
            shares.charge(&format!("d{n}.test"), 2_000);
        }
        // A few in ten thousand of 600 MB.
        let used = shares.used("new.test");
        assert!(used < 600_000, "{used}");
        assert!(shares.used("d7.test") >= 2_000, "never too low");
    }
}
