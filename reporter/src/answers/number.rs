//! Numbers for people: JSON has all digits.

use super::totals::secured_percent;

/// Up to this, all digits.
const EXACT: u64 = 100_000;

/// At most five characters, for columns.
pub(crate) fn short(number: u64) -> String {
    if number < EXACT {
        return number.to_string();
    }
    let (mut unit, mut letters) = (1000, "kMGTPE".chars());
    let mut letter = letters.next();
    while number / unit >= 1000 {
        unit *= 1000;
        letter = letters.next();
    }
    let (whole, rest) = (number / unit, number % unit);
    let thousandths = rest / (unit / 1000);
    let digits = match whole {
        0..10 => format!("{whole}.{:02}", thousandths / 10),
        10..100 => format!("{whole}.{}", thousandths / 100),
        _ => whole.to_string(),
    };
    letter.map_or(digits.clone(), |letter| format!("{digits}{letter}"))
}

/// All digits, by threes, for sentences.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many did not fail.
pub(crate) fn secured(sessions: u64, failed: u64) -> String {
    match secured_percent(sessions, failed) {
        None => "-".to_owned(),
        Some(percent) if failed == 0 => format!("{percent:.0}%"),
        // Cut, not rounded: 100 % would be a lie.
        Some(percent) => format!("{:.2}%", (percent * 100.0).floor() / 100.0),
    }
}

/// `1 domain`, `1,000 domains`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    let noun = if number == 1 { one } else { many };
    format!("{} {noun}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_columns_and_sentences() {
        for (number, column, sentence) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1000, "1000", "1,000"),
            (99_999, "99999", "99,999"),
            (100_000, "100k", "100,000"),
            (999_999, "999k", "999,999"),
            (1_234_567, "1.23M", "1,234,567"),
            (45_678_901, "45.6M", "45,678,901"),
            (u64::MAX, "18.4E", "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(short(number), column);
            assert_eq!(grouped(number), sentence);
        }
    }

    #[test]
    fn a_share_is_never_rounded_up() {
        for (sessions, failed, want) in [
            (0, 0, "-"),
            (10, 0, "100%"),
            (1_000_000, 1, "99.99%"),
            (8, 1, "87.50%"),
            (2, 2, "0.00%"),
        ] {
            assert_eq!(secured(sessions, failed), want);
        }
    }
}
