//! Signals as orders.

use std::io;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinHandle,
};

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// SIGTERM, SIGINT: end orderly.
    Stop,
    /// SIGHUP: open the log file again.
    Reopen,
}

/// Passes signals on as long as it lives.
pub(super) struct Signals {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) task: JoinHandle<()>,
}

/// Begins to listen.
pub(super) fn listen() -> io::Result<Signals> {
    let [term, int, hup, usr2] = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
        SignalKind::user_defined2(),
    ]
    .map(signal);
    let (sender, orders) = mpsc::channel(4);
    let task = tokio::spawn(pass_on(term?, int?, hup?, usr2?, sender));
    Ok(Signals { orders, task })
}

async fn pass_on(
    mut term: Signal,
    mut int: Signal,
    mut hup: Signal,
    mut usr2: Signal,
    sender: mpsc::Sender<Order>,
) {
    loop {
        let order = tokio::select! {
            _ = term.recv() => Order::Stop,
            _ = int.recv() => Order::Stop,
            _ = hup.recv() => Order::Reopen,
            // A signal for collectors; it ends the peer's reporter, and does nothing here.
            _ = usr2.recv() => continue,
        };
        if sender.send(order).await.is_err() {
            return;
        }
    }
}
