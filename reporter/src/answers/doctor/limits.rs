//! Open files: the daemon raises its soft limit to the hard one, and divides that.

use std::fs;

use nix::sys::resource::{Resource, getrlimit};

use super::{database, finding::Finding, looking::Looking};

const AREA: &str = "open files";
/// With fewer, less is posted at once than `max_concurrent_deliveries` allows.
const ENOUGH: u64 = 4096;
const REMEDY: &str = "systemctl edit tlsrpt-reportd, with the lines [Service] and LimitNOFILE=65536; systemctl restart tlsrpt-reportd";

pub(super) fn check(looking: &Looking<'_>) -> Vec<Finding> {
    let at_work = database::process(looking).and_then(hard_limit);
    let finding = match at_work {
        Some(limit) => judged(limit, "tlsrpt-reportd may have"),
        None => match getrlimit(Resource::RLIMIT_NOFILE) {
            Ok((_, hard)) => {
                let limit = judged(hard, "no tlsrpt-reportd is at work to look at; we may have");
                // Of the service's own limit this says little.
                Finding::unknown(
                    AREA,
                    limit.finding,
                    "systemctl show -p LimitNOFILE tlsrpt-reportd",
                )
            }
            Err(error) => Finding::unknown(AREA, format!("the limit: {error}"), "ulimit -Hn"),
        },
    };
    vec![finding]
}

fn judged(limit: u64, who: &str) -> Finding {
    let finding = format!("{who} {limit} at once");
    match limit < ENOUGH {
        true => Finding::warn(AREA, finding, REMEDY),
        false => Finding::ok(AREA, finding),
    }
}

fn hard_limit(process: u32) -> Option<u64> {
    hard_of(&fs::read_to_string(format!("/proc/{process}/limits")).ok()?)
}

/// Of the kernel's table: name, soft, hard, unit.
fn hard_of(table: &str) -> Option<u64> {
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().nth(1)? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table() {
        let table = "Limit                     Soft Limit           Hard Limit           Units     \n\
                     Max processes             127235               127235               processes \n\
                     Max open files            1024                 524288               files     \n";
        assert_eq!(hard_of(table), Some(524_288));
        assert_eq!(
            hard_of("Max open files unlimited unlimited files"),
            Some(u64::MAX)
        );
        assert_eq!(hard_of("rubbish"), None);
        assert!(hard_limit(std::process::id()).is_some());
        assert_eq!(judged(1024, "x").level.word(), "warn");
        assert_eq!(judged(65_536, "x").level.word(), "ok");
    }
}
