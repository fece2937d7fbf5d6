//! An option that is turned, and what is seen of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tlsrptd_tests::harness::program::Program;

use super::site::Site;

/// Most looks wait.
const WORKERS: usize = 6;

/// What an option does.
pub(super) struct Effect {
    pub(super) program: &'static str,
    pub(super) option: &'static str,
    /// The values that are compared; `None` is the default. `{folder}` is the site's.
    values: [Option<&'static str>; 2],
    /// What is seen with each.
    shows: [&'static str; 2],
    look: fn(&Site, Program) -> String,
}

/// The rows of one program.
#[derive(Clone, Copy)]
pub(super) struct Of(pub(super) &'static str);

impl Of {
    /// With the default and with this value.
    pub(super) fn set(
        self,
        option: &'static str,
        value: &'static str,
        shows: [&'static str; 2],
        look: fn(&Site, Program) -> String,
    ) -> Effect {
        Effect {
            program: self.0,
            option,
            values: [None, Some(value)],
            shows,
            look,
        }
    }

    /// With one value and with another.
    pub(super) fn turn(
        self,
        option: &'static str,
        values: [&'static str; 2],
        shows: [&'static str; 2],
        look: fn(&Site, Program) -> String,
    ) -> Effect {
        Effect {
            program: self.0,
            option,
            values: values.map(Some),
            shows,
            look,
        }
    }
}

/// Looks at each effect, several at a time.
///
/// # Panics
/// When one shows something else; with all of these.
pub(super) fn check(effects: &[Effect]) {
    let halves: Vec<(&Effect, usize)> = effects
        .iter()
        .flat_map(|effect| [(effect, 0), (effect, 1)])
        .collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((effect, which)) = halves.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(found) = effect.wrong(*which) {
                wrong.lock().expect("no worker panics").push(found);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(work);
        }
    });
    let wrong = wrong.into_inner().expect("no worker panics");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Effect {
    fn wrong(&self, which: usize) -> Option<String> {
        let (name, wanted) = (
            format!("{} --{}", self.program, self.option),
            self.shows[which],
        );
        assert_ne!(self.shows[0], self.shows[1], "{name}: no effect");
        let shown = catch_unwind(AssertUnwindSafe(|| {
            let site = Site::new();
            let program = site.program(self.program).unset(self.option);
            let program = match self.values[which] {
                Some(value) => program.set(self.option, site.fill(value)),
                None => program,
            };
            (self.look)(&site, program)
        }));
        let value = self.values[which].unwrap_or("(default)");
        match shown {
            Ok(shown) => (shown != wanted)
                .then(|| format!("{name} = {value} shows {shown:?} and not {wanted:?}")),
            Err(_) => Some(format!("{name} = {value}: waited in vain, see above")),
        }
    }
}
