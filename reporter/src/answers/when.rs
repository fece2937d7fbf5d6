//! Times in sentences.

use jiff::Timestamp;

/// As in `2026-11-29 00:41 UTC`.
pub(crate) fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
