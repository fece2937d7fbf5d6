//! What a case claims of ours and sys4.

/// What both subjects have to show.
#[derive(Debug, Clone)]
pub(super) enum Mark {
    /// Both show what is expected. The text is what the page says of it, in the row of its topic; nothing when empty.
    Kept(&'static str),
    /// Theirs shows something else: a defect.
    Better(Instead),
    /// Theirs shows something else, and is not wrong.
    Different(Instead),
    /// Accepted so that existing files can be read, and nothing happens. The text is what the page says of it.
    NoEffect(&'static str),
}

/// What sys4 shows in place of the expected, and how the page tells it.
#[derive(Debug, Clone)]
pub(super) struct Instead {
    /// What a case sees of sys4.
    pub(super) shows: String,
    /// The page's words for sys4; no line of its own when empty.
    pub(super) sys4: &'static str,
    /// The page's words for ours.
    pub(super) ours: &'static str,
}

/// What both do alike, and what the page says of it.
pub(super) fn kept(says: &'static str) -> Mark {
    Mark::Kept(says)
}

/// What sys4 shows (`shows`) is a defect: how the page tells it, and what ours does.
pub(super) fn better(shows: &str, sys4: &'static str, ours: &'static str) -> Mark {
    Mark::Better(instead(shows, sys4, ours))
}

/// What sys4 shows is as good, but ours does otherwise.
pub(super) fn different(shows: &str, sys4: &'static str, ours: &'static str) -> Mark {
    Mark::Different(instead(shows, sys4, ours))
}

fn instead(shows: &str, sys4: &'static str, ours: &'static str) -> Instead {
    Instead {
        shows: shows.to_owned(),
        sys4,
        ours,
    }
}

impl Mark {
    /// What sys4 has to show where ours shows `expected`.
    pub(super) fn of_theirs<'a>(&'a self, expected: &'a str) -> &'a str {
        match self {
            Mark::Kept(_) | Mark::NoEffect(_) => expected,
            Mark::Better(instead) | Mark::Different(instead) => &instead.shows,
        }
    }
}
