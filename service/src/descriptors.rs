//! The limit of open files and connections.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of descriptors to the hard limit, and returns the limit in force.
///
/// The soft limit is mostly 1,024, for programs that use `select`; ours do not. If raising is not allowed, the old limit
/// stays in force; if it cannot be read, 1,024 is assumed.
pub fn raise() -> usize {
    const USUAL: u64 = 1024;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return size(USUAL);
    };
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    size(if raised { hard } else { soft })
}

fn size(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn afterwards_the_soft_limit_is_the_hard_one() {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let now = raise() as u64;
        assert!(now >= soft && now == hard, "{soft}, {hard}: {now}");
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (hard, hard));
        assert_eq!(raise() as u64, now, "once more changes nothing");
    }
}
