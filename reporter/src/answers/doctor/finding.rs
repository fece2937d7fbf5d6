//! One thing that was looked at, and what was found.

use serde_json::{Value, json};

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// It cannot be found out from here.
    Unknown,
    /// It works, but not for everybody, or not for long.
    Warn,
    /// Sessions are not counted, or reports do not arrive.
    Fail,
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub level: Level,
    /// Where it belongs.
    pub area: String,
    /// What was found.
    pub finding: String,
    /// A command or a line of a file that mends it; empty where nothing is to be done.
    pub remedy: String,
}

impl Level {
    /// As it stands in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Unknown => "unknown",
            Level::Warn => "warn",
            Level::Fail => "fail",
        }
    }

    fn of(word: &str) -> Option<Level> {
        [Level::Ok, Level::Unknown, Level::Warn, Level::Fail]
            .into_iter()
            .find(|level| level.word() == word)
    }
}

impl Finding {
    /// As it should be.
    pub fn ok(area: &str, finding: impl Into<String>) -> Finding {
        Finding::new(Level::Ok, area, finding, "")
    }

    /// Cannot be found out; the remedy says how it can.
    pub fn unknown(area: &str, finding: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding::new(Level::Unknown, area, finding, remedy)
    }

    /// Works, but should be mended.
    pub fn warn(area: &str, finding: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding::new(Level::Warn, area, finding, remedy)
    }

    /// Has to be mended.
    pub fn fail(area: &str, finding: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding::new(Level::Fail, area, finding, remedy)
    }

    fn new(
        level: Level,
        area: &str,
        finding: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding {
            level,
            area: area.to_owned(),
            finding: finding.into(),
            remedy: remedy.into(),
        }
    }

    /// Its JSON.
    pub fn json(&self) -> Value {
        json!({
            "level": self.level.word(),
            "area": self.area,
            "finding": self.finding,
            "remedy": self.remedy,
        })
    }

    /// Of its JSON; `None` for anything else.
    pub fn of_json(value: &Value) -> Option<Finding> {
        let text = |name: &str| Some(value.get(name)?.as_str()?.to_owned());
        Some(Finding {
            level: Level::of(&text("level")?)?,
            area: text("area")?,
            finding: text("finding")?,
            remedy: text("remedy")?,
        })
    }
}

/// All that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// Whose eyes looked at the reporter's part.
    pub user: String,
    /// In the order in which things were looked at.
    pub findings: Vec<Finding>,
}

impl Diagnosis {
    /// How many there are of a level.
    pub fn number(&self, level: Level) -> usize {
        let all = self.findings.iter();
        all.filter(|finding| finding.level == level).count()
    }

    /// As monitoring plug-ins end: 0 ok, 1 warn, 2 fail, 3 when nothing could be found out.
    pub fn exit(&self) -> u8 {
        if self.number(Level::Fail) > 0 {
            return 2;
        }
        if self.number(Level::Warn) > 0 {
            return 1;
        }
        match self.number(Level::Ok) {
            0 => 3,
            _ => 0,
        }
    }

    /// Its JSON.
    pub fn json(&self) -> Value {
        let findings: Vec<Value> = self.findings.iter().map(Finding::json).collect();
        json!({
            "user": self.user,
            "ok": self.number(Level::Ok),
            "unknown": self.number(Level::Unknown),
            "warn": self.number(Level::Warn),
            "fail": self.number(Level::Fail),
            "findings": findings,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_it_ends() {
        let level = |letter| match letter {
            'o' => Finding::ok("a", "b"),
            'u' => Finding::unknown("a", "b", "c"),
            'w' => Finding::warn("a", "b", "c"),
            _ => Finding::fail("a", "b", "c"),
        };
        for (levels, exit, why) in [
            ("oo", 0, "all well"),
            ("ou", 0, "what cannot be found out is no fault"),
            ("owo", 1, "a warning"),
            ("owf", 2, "the worst counts"),
            ("uu", 3, "nothing could be found out"),
            ("", 3, "nothing was looked at"),
        ] {
            let findings: Vec<Finding> = levels.chars().map(level).collect();
            for finding in &findings {
                assert_eq!(Finding::of_json(&finding.json()).as_ref(), Some(finding));
            }
            let diagnosis = Diagnosis {
                user: "x".to_owned(),
                findings,
            };
            assert_eq!(diagnosis.exit(), exit, "{why}");
        }
    }
}
