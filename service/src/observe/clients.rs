//! The clients of a server: who waits for a thread, and who is being served.

use std::{
    collections::{BTreeMap, VecDeque},
    net::Shutdown,
    os::unix::net::UnixStream,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Clients {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Accepted, and not yet taken by a thread.
    waiting: VecDeque<UnixStream>,
    /// Threads without a client.
    idle: usize,
    /// By the number of the thread: so that the end need not wait for them.
    served: BTreeMap<usize, UnixStream>,
    has_ended: bool,
}

impl Clients {
    /// With so many threads, none of which has a client yet.
    pub(super) fn of_threads(threads: usize) -> Clients {
        let state = State {
            idle: threads,
            ..State::default()
        };
        Clients {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Gives a client to a thread that has none; when all have one, gives it back.
    pub(super) fn put(&self, client: UnixStream) -> Option<UnixStream> {
        let mut state = self.lock();
        if state.waiting.len() >= state.idle {
            return Some(client);
        }
        state.waiting.push_back(client);
        drop(state);
        self.changed.notify_one();
        None
    }

    /// Waits for a client. `None`: the server ends.
    pub(super) fn take(&self, thread: usize) -> Option<UnixStream> {
        let mut state = self.lock();
        loop {
            if state.has_ended {
                return None;
            }
            if let Some(client) = state.waiting.pop_front() {
                state.idle -= 1;
                if let Ok(copy) = client.try_clone() {
                    state.served.insert(thread, copy);
                }
                return Some(client);
            }
            let woken = self.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A thread is ready for another client.
    pub(super) fn done(&self, thread: usize) {
        let mut state = self.lock();
        state.idle += 1;
        state.served.remove(&thread);
    }

    /// Ends all connections: a thread that reads or writes finds it closed.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.has_ended = true;
        state.waiting.clear();
        for client in state.served.values() {
            let _ = client.shutdown(Shutdown::Both);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
