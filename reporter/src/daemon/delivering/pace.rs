//! How fast mails begin that go to one mail domain: `max_mail_rate_per_domain`, whatever relay takes them.
//!
//! A mail before its time is put off to a time of its own, so that others do not wait behind it, and none is looked at again and
//! again. Pure: the time is an argument.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{model::Delivery, schedule::Schedule, store::Disposition};

/// Mails within so much time may come together: an exact rhythm would cost a look-up each.
const TOGETHER: Duration = Duration::from_secs(1);
/// Domains that are remembered. Of one that is forgotten the next mail begins at once.
const REMEMBERED: usize = 1 << 16;

/// The pace of each domain.
#[derive(Debug)]
pub(super) struct MailPace {
    /// Mails a minute, and how many share them.
    a_minute: u32,
    members: u32,
    /// The time from one mail to the next; `None`: no limit.
    gap: Option<SignedDuration>,
    /// How much earlier than in rhythm a mail may begin.
    early: SignedDuration,
    domains: HashMap<String, DomainPace>,
    /// When those were forgotten last that may send at once.
    swept: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct DomainPace {
    /// When the next mail is in rhythm.
    next: Timestamp,
    /// Until then each time is somebody's who was put off.
    booked: Timestamp,
}

impl MailPace {
    /// So many a minute; 0: no limit.
    pub(super) fn new(a_minute: u32) -> MailPace {
        let mut pace = MailPace {
            a_minute,
            members: 0,
            gap: None,
            early: SignedDuration::ZERO,
            domains: HashMap::new(),
            swept: Timestamp::MIN,
        };
        pace.share(1);
        pace
    }

    /// So many send to the same domains, each at its part of the rate.
    pub(super) fn share(&mut self, members: u32) {
        let members = members.max(1);
        if members == self.members {
            return;
        }
        let signed = |time| SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let minutes = Duration::from_secs(60).saturating_mul(members);
        let gap = minutes.checked_div(self.a_minute);
        self.members = members;
        self.gap = gap.map(signed);
        self.early = gap.map_or(SignedDuration::ZERO, |gap| {
            signed(TOGETHER.saturating_sub(gap))
        });
    }

    /// The clock has moved: all times are others.
    pub(super) fn forget(&mut self) {
        self.domains.clear();
    }

    /// `Some`: the delivery may not begin now.
    pub(super) fn put_off(
        &mut self,
        delivery: &Delivery,
        schedule: &Schedule,
        now: Timestamp,
    ) -> Option<Disposition> {
        let gap = self.gap?;
        let domain = delivery.destination.mailbox()?.domain().as_str();
        let at = self.ask(domain, gap, now)?.min(schedule.latest_due(now));
        let reason = format!("max_mail_rate_per_domain: other mails to {domain} come first");
        Some(Disposition::Postpone { at, reason })
    }

    fn ask(&mut self, domain: &str, gap: SignedDuration, now: Timestamp) -> Option<Timestamp> {
        let plus = |at: Timestamp, time| at.saturating_add(time).unwrap_or(Timestamp::MAX);
        let Some(known) = self.domains.get_mut(domain) else {
            if self.domains.len() >= REMEMBERED {
                self.sweep(now);
            }
            if self.domains.len() < REMEMBERED {
                let next = plus(now, gap);
                let first = DomainPace { next, booked: now };
                self.domains.insert(domain.to_owned(), first);
            }
            return None;
        };
        let from = known
            .next
            .saturating_sub(self.early)
            .unwrap_or(Timestamp::MIN);
        if from <= now {
            known.next = plus(known.next.max(now), gap);
            return None;
        }
        let at = known.booked.max(from);
        known.booked = plus(at, gap);
        Some(at)
    }

    /// Forgets who may send at once anyway; not for each mail.
    fn sweep(&mut self, now: Timestamp) {
        if now.duration_since(self.swept).abs() < SignedDuration::from_secs(1) {
            return;
        }
        self.swept = now;
        self.domains
            .retain(|_, known| known.next > now || known.booked > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    /// Offers mails, those that are put off again at their times, and gives when each begins.
    fn begins(pace: &mut MailPace, offered: &[(i64, &str)]) -> (Vec<(i64, String)>, usize) {
        let mut waiting: Vec<(i64, String)> = offered
            .iter()
            .map(|(at, to)| (*at, (*to).to_owned()))
            .collect();
        let (mut begun, mut put_off) = (Vec::new(), 0);
        while let Some(next) = waiting
            .iter()
            .enumerate()
            .min_by_key(|(n, one)| (one.0, *n))
            .map(|(n, _)| n)
        {
            let (now, to) = waiting.remove(next);
            match pace.gap.and_then(|gap| pace.ask(&to, gap, at(now))) {
                None => begun.push((now, to)),
                Some(later) => {
                    put_off += 1;
                    assert!(later > at(now), "not again at once");
                    waiting.push((later.as_millisecond(), to));
                }
            }
        }
        (begun, put_off)
    }

    #[test]
    fn one_after_the_other_and_others_at_once() {
        for (a_minute, offered, want, why) in [
            (0, vec![(0, "v"), (0, "v")], vec![0, 0], "no limit"),
            (
                60,
                vec![(0, "v"), (0, "v"), (0, "w"), (0, "v")],
                vec![0, 0, 1000, 2000],
                "w does not wait",
            ),
            (
                60,
                vec![(0, "v"), (5000, "v"), (5000, "v")],
                vec![0, 5000, 6000],
                "a rest is no credit",
            ),
            (
                6,
                vec![(0, "v"), (0, "v"), (9000, "v")],
                vec![0, 10_000, 20_000],
                "slower than one a second",
            ),
            (
                240,
                vec![(0, "v"); 6],
                vec![0, 0, 0, 0, 250, 500],
                "a second's mails may come together",
            ),
        ] {
            let (begun, _) = begins(&mut MailPace::new(a_minute), &offered);
            let times: Vec<i64> = begun.iter().map(|(at, _)| *at).collect();
            assert_eq!(times, want, "{why}");
        }
    }

    #[test]
    fn of_several_each_takes_its_part() {
        let mut pace = MailPace::new(60);
        for (members, want, why) in [
            (3, [0, 3000, 6000], "three members, a mail a second of all"),
            (3, [0, 3000, 6000], "told again"),
            (1, [0, 1000, 2000], "the others have gone"),
            (0, [0, 1000, 2000], "without a fleet"),
        ] {
            pace.share(members);
            pace.forget();
            let (begun, _) = begins(&mut pace, &[(0, "v"); 3]);
            let times: Vec<i64> = begun.iter().map(|(at, _)| *at).collect();
            assert_eq!(times, want, "{why}");
        }
    }

    #[test]
    fn a_thousand_are_put_off_once_each_or_little_more() {
        let mut offered = vec![(0, "v"); 1000];
        // Others come while these wait.
        offered.extend((0..200).map(|n| (n * 700, "v")));
        let (begun, put_off) = begins(&mut MailPace::new(60), &offered);
        assert!(put_off <= 2 * offered.len(), "{put_off}");
        for (number, (at, _)) in begun.iter().enumerate() {
            assert!(*at >= number as i64 * 1000, "mail {number} at {at}");
        }
        assert_eq!(begun.len(), 1200);
        assert!(
            begun[1199].0 <= 1_300_000,
            "no time is lost: {}",
            begun[1199].0
        );
    }

    #[test]
    fn domains_without_number_take_bounded_memory() {
        let mut pace = MailPace::new(1);
        for number in 0..3 * REMEMBERED {
            assert_eq!(
                pace.ask(&format!("d{number}"), pace.gap.unwrap(), at(number as i64)),
                None
            );
            assert!(pace.domains.len() <= REMEMBERED);
        }
        pace.forget();
        assert!(pace.domains.is_empty());
    }
}
