//! The number under which a collector's counts are told, and those that it had before while days of theirs are still to be told.
//!
//! A number is what the fleet's database knows a collector by. Days before the first one of a number belong to the number before.

use tlsrptd_fleet::KeyHash;
use tlsrptd_proto::day::Day;

/// All of it, always: a disk writes that many octets at once, so that there is never a half of it.
pub(crate) const LENGTH: usize = 512;
/// So many new numbers a collector takes in a day, whatever database or files say.
pub(crate) const MOST_A_DAY: u32 = 8;
/// Each of other days. A file of an older version may have one more.
const MOST_FORMER: usize = 7;
/// Behind a former number of which it is certain that no other host has it. An older version wrote nothing there: such a number
/// is taken for one that another may have. If nobody has, its days wait until their deadline; the other way round they might be
/// closed before all of them is told.
const ALONE: &str = "alone";
/// Before a number that this collector is about to take.
const NEXT: &str = "next";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) id: KeyHash,
    /// The first day that is told under it.
    pub(crate) first_day: Day,
    /// On that day it was taken in place of another, so many of that day being taken.
    taken: Option<(Day, u32)>,
    /// It is about to become that number, from that day on, as what it counted of the day before was lost.
    next: Option<(KeyHash, Day)>,
    /// The newest first.
    former: Vec<FormerNumber>,
}

/// A number that a collector had before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FormerNumber {
    pub(crate) id: KeyHash,
    pub(crate) first_day: Day,
    /// The first day that is not told under it any more.
    pub(crate) end: Day,
    /// Another host may have it, and still have more of these days to tell: only that one knows when they are done.
    pub(crate) is_shared: bool,
}

/// Why a collector takes another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// What it counted under the one that it has is lost: it is told under that no more.
    Lost,
    /// Its folder may be a copy: another host may have all the numbers that stand there.
    Copied,
}

impl Numbers {
    pub(crate) fn first(id: KeyHash, first_day: Day) -> Numbers {
        Numbers {
            id,
            first_day,
            taken: None,
            next: None,
            former: Vec::new(),
        }
    }

    /// Whether one more may be taken on a day of the host's clock: there were not too many, and none is forgotten for it.
    pub(crate) fn may_be_followed(&self, today: Day) -> bool {
        self.taken_on(today) < MOST_A_DAY && self.former.len() < MOST_FORMER
    }

    /// It was taken in place of no other.
    pub(crate) fn is_first(&self) -> bool {
        self.taken.is_none()
    }

    /// On the way to another number, from a day on.
    pub(crate) fn before(&self, next: KeyHash, day: Day) -> Numbers {
        Numbers {
            next: Some((next, day)),
            ..self.clone()
        }
    }

    /// The number that it is about to take, and from which day on.
    pub(crate) fn next(&self) -> Option<(KeyHash, Day)> {
        self.next
    }

    /// Another number, from a day on; with the former one, when days before are to be told under that.
    pub(crate) fn followed(
        &self,
        id: KeyHash,
        first_day: Day,
        reason: Reason,
        today: Day,
        is_behind: bool,
    ) -> Numbers {
        let (mut former, is_copied) = (self.former.clone(), reason == Reason::Copied);
        // A clock that was put right may begin before the one before.
        former.retain_mut(|former| {
            former.end = former.end.min(first_day);
            former.first_day < former.end
        });
        if is_behind && self.first_day < first_day {
            let ended = FormerNumber {
                id: self.id,
                first_day: self.first_day,
                end: first_day,
                is_shared: is_copied,
            };
            former.insert(0, ended);
        }
        former
            .iter_mut()
            .for_each(|former| former.is_shared |= is_copied);
        Numbers {
            id,
            first_day,
            taken: Some((today, self.taken_on(today).saturating_add(1))),
            next: None,
            former,
        }
    }

    /// All days of a former one are told.
    pub(crate) fn without(&self, former: KeyHash) -> Numbers {
        let mut left = self.clone();
        left.former.retain(|found| found.id != former);
        left
    }

    /// The oldest first.
    pub(crate) fn former(&self) -> impl Iterator<Item = FormerNumber> {
        self.former.iter().rev().copied()
    }

    pub(crate) fn has(&self, id: KeyHash) -> bool {
        self.id == id || self.former().any(|former| former.id == id)
    }

    fn taken_on(&self, today: Day) -> u32 {
        let taken = self.taken.filter(|(day, _)| *day == today);
        taken.map_or(0, |(_, number)| number)
    }

    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{} {}", self.id, self.first_day);
        if let Some((day, number)) = self.taken {
            text += &format!(" {day} {number}");
        }
        if let Some((next, day)) = self.next {
            text += &format!("\n{NEXT} {next} {day}");
        }
        for former in &self.former {
            let FormerNumber {
                id, first_day, end, ..
            } = former;
            text += &format!("\n{id} {first_day} {end}");
            if !former.is_shared {
                text += &format!(" {ALONE}");
            }
        }
        format!("{text:<width$}\n", width = LENGTH - 1)
    }

    /// `None`: it is none.
    pub(crate) fn parse(text: &str) -> Option<Numbers> {
        let mut lines = text.trim_end().lines().map(|line| line.split(' '));
        let mut words = lines.next()?;
        let mut numbers = Numbers::first(
            parse_number(words.next()?)?,
            Day::parse(words.next()?).ok()?,
        );
        if let Some(day) = words.next() {
            numbers.taken = Some((Day::parse(day).ok()?, words.next()?.parse().ok()?));
        }
        for mut words in lines {
            let first = words.next()?;
            if first == NEXT {
                let (id, day) = (words.next()?, words.next()?);
                numbers.next = Some((parse_number(id)?, Day::parse(day).ok()?));
                continue;
            }
            numbers.former.push(FormerNumber {
                id: parse_number(first)?,
                first_day: Day::parse(words.next()?).ok()?,
                end: Day::parse(words.next()?).ok()?,
                is_shared: words.next() != Some(ALONE),
            });
        }
        Some(numbers)
    }
}

/// A number as it is written.
pub(crate) fn parse_number(text: &str) -> Option<KeyHash> {
    if text.len() != 32 || !text.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        return None;
    }
    let number = u128::from_str_radix(text, 16).ok()?;
    Some(KeyHash(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::{Reason::*, *};

    fn day(n: u32) -> Day {
        Day::parse("2026-11-01").unwrap().ahead(n)
    }

    fn id(n: u8) -> KeyHash {
        KeyHash([n; 16])
    }

    #[test]
    fn days_belong_to_the_number_of_their_time() {
        let first = Numbers::first(id(1), day(0));
        let second = first.followed(id(2), day(3), Lost, day(3), true);
        // Once more on the same day: nothing was ever told under the second one but of that day.
        let third = second.followed(id(3), day(3), Lost, day(3), true);
        let fourth = third.followed(id(4), day(5), Lost, day(5), true);
        let days = |numbers: &Numbers| -> Vec<_> {
            let former = numbers.former();
            former.map(|one| (one.id, one.first_day, one.end)).collect()
        };
        assert_eq!(days(&second), [(id(1), day(0), day(3))]);
        assert_eq!(days(&third), [(id(1), day(0), day(3))]);
        assert_eq!(
            days(&fourth),
            [(id(1), day(0), day(3)), (id(3), day(3), day(5))]
        );
        assert_eq!(Numbers::parse(&fourth.to_text()).unwrap(), fourth);
        assert_eq!(days(&fourth.without(id(1))), [(id(3), day(3), day(5))]);
        assert!(fourth.has(id(1)) && fourth.has(id(4)) && !fourth.has(id(2)));
        let all_told = first.followed(id(2), day(3), Lost, day(3), false);
        assert_eq!(days(&all_told), [], "nothing is to be told");
        // A clock that was ahead is put right.
        let back = fourth.followed(id(5), day(2), Lost, day(2), true);
        assert_eq!(days(&back), [(id(1), day(0), day(2))]);
    }

    #[test]
    fn what_stands_in_a_copied_folder_is_shared() {
        let shared = |numbers: &Numbers| -> Vec<_> {
            let read = Numbers::parse(&numbers.to_text()).unwrap();
            read.former().map(|former| former.is_shared).collect()
        };
        let first = Numbers::first(id(1), day(0));
        let lost = first.followed(id(2), day(1), Lost, day(1), true);
        assert_eq!(shared(&lost), [false]);
        let copied = lost.followed(id(3), day(2), Copied, day(2), true);
        assert_eq!(shared(&copied), [true, true], "also those before");
        let again = copied.followed(id(4), day(3), Lost, day(3), true);
        assert_eq!(shared(&again), [true, true, false]);
        let (ours, theirs) = (id(2), id(1));
        let older = format!(
            "{ours} {} {} 1\n{theirs} {} {}",
            day(1),
            day(1),
            day(0),
            day(1)
        );
        assert_eq!(shared(&Numbers::parse(&older).unwrap()), [true]);
    }

    #[test]
    fn so_many_a_day() {
        let mut numbers = Numbers::first(id(0), day(0));
        for n in 1..=MOST_A_DAY {
            assert!(numbers.may_be_followed(day(0)));
            numbers = numbers.followed(id(n as u8), day(0), Lost, day(0), true);
            numbers = Numbers::parse(&numbers.to_text()).unwrap();
        }
        assert!(!numbers.may_be_followed(day(0)), "also by the next process");
        assert!(numbers.may_be_followed(day(1)));
    }

    #[test]
    fn always_as_long() {
        let mut numbers = Numbers::first(id(0xff), day(0));
        for n in 1..=MOST_FORMER as u8 {
            let day = day(n.into());
            assert!(numbers.may_be_followed(day));
            let before = numbers.before(id(n), day);
            assert_eq!(before.to_text().len(), LENGTH, "before {n}");
            assert_eq!(Numbers::parse(&before.to_text()).unwrap(), before);
            numbers = numbers.followed(id(n), day, Lost, day, true);
            assert_eq!(numbers.to_text().len(), LENGTH, "{n}");
            assert_eq!(Numbers::parse(&numbers.to_text()).unwrap(), numbers);
        }
        assert!(!numbers.may_be_followed(day(99)), "none is forgotten");
    }
}
