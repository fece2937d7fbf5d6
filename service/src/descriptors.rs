//! Open files and connections: how many this process may have at a time.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Raises the soft limit of descriptors to the hard one, and gives what then holds.
///
/// The soft limit is mostly 1,024, for the sake of programs that use `select`; these use none. Where raising is not
/// allowed, or the limit cannot be read, what holds is the old one, or 1,024.
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
