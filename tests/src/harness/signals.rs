//! Whether a program is ready for a signal: until it has seen to it, that ends it as it ends any process.

use std::fs;

use nix::sys::signal::Signal;

/// Whether a process blocks a signal (to read it from a descriptor), catches or ignores it, or has ended: by proc(5).
pub fn is_ready_for(process: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    status.is_empty() || is_ready(&status, signal)
}

fn is_ready(status: &str, signal: Signal) -> bool {
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let has_ended = of("State:").is_some_and(|state| state.trim_start().starts_with(['Z', 'X']));
    let sees_to = |name: &str| {
        let mask = of(name).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask >> (signal as u32 - 1) & 1 == 1)
    };
    has_ended || ["SigBlk:", "SigIgn:", "SigCgt:"].into_iter().any(sees_to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_ready() {
        let status = |state: &str, blocked: u32, ignored: u32, caught: u32| {
            format!(
                "Name:\tx\nState:\t{state}\nSigBlk:\t{blocked:016x}\nSigIgn:\t{ignored:016x}\nSigCgt:\t{caught:016x}\n"
            )
        };
        let term = 1 << (Signal::SIGTERM as u32 - 1);
        for (status, want, why) in [
            (status("R (running)", 0, 0, 0), false, "it has just begun"),
            (
                status("R (running)", term << 1, 0, 0),
                false,
                "another signal",
            ),
            (status("S (sleeping)", term, 0, 0), true, "by a descriptor"),
            (status("S (sleeping)", 0, term, 0), true, "ignored"),
            (status("S (sleeping)", 0, 0, term | 1), true, "caught"),
            (status("Z (zombie)", 0, 0, 0), true, "it has ended"),
        ] {
            assert_eq!(is_ready(&status, Signal::SIGTERM), want, "{why}");
        }
        assert!(is_ready_for(u32::MAX, Signal::SIGTERM), "there is none");
    }
}
