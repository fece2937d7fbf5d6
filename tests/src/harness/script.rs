//! What a scripted receiver does next.
//!
//! Rules with a number of times come first, in their order, until they are used up; then the newest of those that
//! hold for ever. So a test can say "two failures, then a hang", and change its mind.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The rules of one receiver: what to do (`A`) when (`W`).
#[derive(Debug)]
pub(crate) struct Script<W, A> {
    rules: Mutex<Vec<Rule<W, A>>>,
}

#[derive(Debug)]
struct Rule<W, A> {
    when: W,
    act: A,
    /// How often it still holds; `None`: for ever.
    left: Option<usize>,
}

impl<W, A: Clone> Script<W, A> {
    pub(crate) fn new() -> Script<W, A> {
        Script {
            rules: Mutex::new(Vec::new()),
        }
    }

    /// Adds a rule behind the others; it holds `times` times, or for ever.
    pub(crate) fn add(&self, when: W, act: A, times: Option<usize>) {
        self.lock().push(Rule {
            when,
            act,
            left: times,
        });
    }

    /// Forgets all rules: everything goes well from now on.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// What to do where `fits`; uses one of the rule's times.
    pub(crate) fn next(&self, fits: impl Fn(&W) -> bool) -> Option<A> {
        let mut rules = self.lock();
        for rule in rules.iter_mut() {
            if let Some(left @ 1..) = &mut rule.left
                && fits(&rule.when)
            {
                *left -= 1;
                return Some(rule.act.clone());
            }
        }
        let lasting = rules
            .iter()
            .rev()
            .find(|rule| rule.left.is_none() && fits(&rule.when));
        lasting.map(|rule| rule.act.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Rule<W, A>>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
