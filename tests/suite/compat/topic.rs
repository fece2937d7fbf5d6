//! Cases and how they are run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::mark::Mark;
use super::scene::Scene;
use super::subject::Subject;

/// More than there are processors, as most looks wait for a daemon.
const WORKERS: usize = 4;

type Look = Box<dyn Fn(&Scene) -> Vec<String> + Send + Sync>;

/// Cases about one thing.
pub(super) struct Topic {
    /// As it stands on the page.
    pub(super) title: &'static str,
    looks: Vec<(Look, Vec<Case>)>,
}

/// One thing that is looked at.
#[derive(Debug)]
pub(super) struct Case {
    /// What it is, for the one who reads that it failed.
    pub(super) name: String,
    /// What ours has to show.
    pub(super) expected: String,
    pub(super) mark: Mark,
}

/// A case of a look that sees several things at once.
pub(super) fn case(name: impl ToString, expected: impl ToString, mark: Mark) -> Case {
    Case {
        name: name.to_string(),
        expected: expected.to_string(),
        mark,
    }
}

impl Topic {
    pub(super) fn new(title: &'static str) -> Topic {
        Topic {
            title,
            looks: Vec::new(),
        }
    }

    /// Adds a case with a look of its own.
    pub(super) fn case(
        self,
        name: impl ToString,
        expected: impl ToString,
        mark: Mark,
        look: impl Fn(&Scene) -> String + Send + Sync + 'static,
    ) -> Topic {
        self.together(vec![case(name, expected, mark)], move |scene| {
            vec![look(scene)]
        })
    }

    /// As [`Topic::case`], with a look that is skipped by name where this machine lacks something: `None`.
    pub(super) fn case_where_possible(
        self,
        name: impl ToString,
        expected: impl ToString,
        mark: Mark,
        look: impl Fn(&Scene) -> Option<String> + Send + Sync + 'static,
    ) -> Topic {
        self.together(vec![case(name, expected, mark)], move |scene| {
            look(scene).into_iter().collect()
        })
    }

    /// Adds cases that one look sees at once; it gives one text a case, in their order, or
    /// none at all when it is skipped.
    pub(super) fn together(
        mut self,
        cases: Vec<Case>,
        look: impl Fn(&Scene) -> Vec<String> + Send + Sync + 'static,
    ) -> Topic {
        self.looks.push((Box::new(look), cases));
        self
    }

    /// All cases.
    pub(super) fn cases(&self) -> impl Iterator<Item = &Case> {
        self.looks.iter().flat_map(|(_, cases)| cases)
    }

    /// Runs each case on each subject, several at a time.
    ///
    /// # Panics
    /// When one shows what it should not; with all of these.
    pub(super) fn check(&self) {
        let subjects = Subject::all();
        let pairs = || {
            subjects
                .iter()
                .flat_map(|subject| self.looks.iter().map(move |look| (subject, look)))
        };
        let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || {
            while let Some((subject, (look, cases))) =
                pairs().nth(next.fetch_add(1, Ordering::Relaxed))
            {
                let found = compare(subject, look, cases);
                wrong.lock().expect("no worker panics").extend(found);
            }
        };
        let name = format!("compat: {}", self.title);
        thread::scope(|scope| {
            for _ in 0..WORKERS {
                // Named: a case that is skipped tells where.
                let worker = thread::Builder::new().name(name.clone());
                worker
                    .spawn_scoped(scope, work)
                    .expect("a thread more can be had");
            }
        });
        let wrong = wrong.into_inner().expect("no worker panics");
        assert!(wrong.is_empty(), "{}:\n{}", self.title, wrong.join("\n"));
    }
}

/// What one look shows that it should not.
fn compare(subject: &Subject, look: &Look, cases: &[Case]) -> Vec<String> {
    let scene = Scene::new(subject.clone());
    // A look that waits in vain is a failure of its cases, not of those that come after it.
    let shown = match catch_unwind(AssertUnwindSafe(|| look(&scene))) {
        Ok(shown) => shown,
        Err(panic) => {
            return vec![format!(
                "{}: {}: {}",
                cases[0].name,
                subject.name(),
                text(&*panic)
            )];
        }
    };
    if shown.is_empty() {
        return Vec::new();
    }
    assert_eq!(
        shown.len(),
        cases.len(),
        "{}: one text a case",
        cases[0].name
    );
    let pairs = cases.iter().zip(shown);
    pairs
        .filter_map(|(case, shown)| case.wrong(subject, &shown))
        .collect()
}

impl Case {
    fn wrong(&self, subject: &Subject, shown: &str) -> Option<String> {
        let wanted = match subject {
            Subject::Ours => &self.expected,
            Subject::Theirs(_) => self.mark.of_theirs(&self.expected),
        };
        let holds = if shown == self.expected {
            ", as ours: the mark no longer holds"
        } else {
            ""
        };
        (shown != wanted).then(|| {
            let (name, subject) = (&self.name, subject.name());
            format!("{name}: {subject} shows\n    {shown:?}{holds}\n  and not\n    {wanted:?}")
        })
    }
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}
