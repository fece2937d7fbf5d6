//! Times and policies in sentences.

use jiff::Timestamp;

/// As in `2026-11-29 00:41 UTC`.
pub(crate) fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// How long ago, or how long it will take: `45 s`, `12 min`, `3 h`, `4 d`.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A policy type as people call it.
pub(crate) fn policy(policy_type: &str) -> &str {
    match policy_type {
        "tlsa" => "DANE",
        "sts" => "MTA-STS",
        "no-policy-found" => "none",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_one_unit() {
        for (seconds, want) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7199, "119 min"),
            (7200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(duration(seconds), want);
        }
    }
}
