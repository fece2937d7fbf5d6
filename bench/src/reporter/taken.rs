//! What the receivers have got: how many reports, and whether each came once.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::day;

/// Reports that came, by the numbers of their domains.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken(Arc<Reports>);

#[derive(Debug, Default)]
struct Reports {
    number: AtomicU64,
    /// How many domains there are; none where nobody asks whose reports came.
    domains: u64,
    /// A bit a domain.
    came: Vec<AtomicU64>,
    /// Those that came before, or are of no domain.
    strange: AtomicU64,
}

impl Taken {
    /// One that knows which reports came, of so many domains.
    pub(super) fn each_of(domains: u64) -> Taken {
        let words = 0..domains.div_ceil(64);
        Taken(Arc::new(Reports {
            domains,
            came: words.map(|_| AtomicU64::new(0)).collect(),
            ..Reports::default()
        }))
    }

    /// So far.
    pub(crate) fn number(&self) -> u64 {
        self.0.number.load(Ordering::Relaxed)
    }

    /// Domains whose report did not come, and reports that came again or are of no domain.
    pub(super) fn not_once(&self) -> u64 {
        let words = self.0.came.iter();
        let came: u64 = words
            .map(|word| u64::from(word.load(Ordering::Relaxed).count_ones()))
            .sum();
        self.0.domains - came + self.0.strange.load(Ordering::Relaxed)
    }

    /// A mail to this address.
    pub(super) fn mail(&self, recipient: &[u8]) {
        self.add(|| number_in(recipient));
    }

    /// A post with this body.
    pub(super) fn post(&self, body: &[u8]) {
        self.add(|| {
            let mut report = Vec::new();
            flate2::read::GzDecoder::new(body)
                .read_to_end(&mut report)
                .ok()?;
            number_in(&report)
        });
    }

    fn add(&self, domain: impl FnOnce() -> Option<u64>) {
        if self.0.domains > 0 {
            let number = domain().filter(|number| *number < self.0.domains);
            let place = number.and_then(|number| {
                let word = self.0.came.get(usize::try_from(number / 64).ok()?)?;
                Some((word, 1 << (number % 64)))
            });
            let is_new =
                place.is_some_and(|(word, bit)| word.fetch_or(bit, Ordering::Relaxed) & bit == 0);
            if !is_new {
                self.0.strange.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.0.number.fetch_add(1, Ordering::Relaxed);
    }
}

/// The number of the first domain of the day that is named.
fn number_in(text: &[u8]) -> Option<u64> {
    let length = day::domain(0).len();
    let names = text.windows(length).filter(|name| name[0] == b'd');
    let mut names = names.filter_map(|name| str::from_utf8(name).ok());
    names.find_map(|name| day::number(name).filter(|number| day::domain(*number) == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_report_is_known_by_its_domain() {
        let taken = Taken::each_of(70);
        for (address, not_once, reason) in [
            ("RCPT TO:<tlsrpt@d000000003.example>", 69, "it came"),
            ("RCPT TO:<tlsrpt@d000000069.example>", 68, "the last one"),
            ("RCPT TO:<tlsrpt@d000000003.example>", 69, "again"),
            ("RCPT TO:<tlsrpt@sender.example>", 70, "of no domain"),
            (
                "RCPT TO:<tlsrpt@d000000070.example>",
                71,
                "of the last word, and of no domain",
            ),
        ] {
            taken.mail(address.as_bytes());
            assert_eq!(taken.not_once(), not_once, "{reason}");
        }
        assert_eq!(taken.number(), 5);
    }
}
