//! A collector whose reader and writer work in turn, when they are told, in one thread. No program works so: `make bench-check`
//! counts the instructions of a datagram's way, and threads would make each count another one.

use std::{sync::Arc, time::Duration};

use super::{Collector, threads};
use crate::{
    queue::Batch,
    receive::{ReaderThread, ReceiveBuffers},
    seen_table::SeenTable,
    socket::Socket,
    stats::Stats,
    writer::WriterThread,
};

/// See the module.
#[doc(hidden)]
pub struct InTurn {
    stats: Arc<Stats>,
    reader: ReaderThread,
    buffers: ReceiveBuffers,
    writers: Vec<(WriterThread, Batch)>,
}

impl Collector {
    /// A collector without threads, which recognises datagrams by this key.
    #[doc(hidden)]
    pub fn in_turn(self, key: [u8; 16]) -> InTurn {
        let main = self.main;
        let (sockets, _names): (_, Vec<_>) = self.sockets.into_iter().map(Socket::split).unzip();
        let (mut reader, writers) = threads::prepare(&main, sockets, self.store_writers, self.days);
        reader.seen_table = SeenTable::new(key, main.settings.max_domains_in_memory);
        let writers = writers.into_iter().map(|writer| (writer, Batch::default()));
        InTurn {
            buffers: ReceiveBuffers::new(main.settings.max_datagram_size),
            writers: writers.collect(),
            stats: main.stats,
            reader,
        }
    }
}

impl InTurn {
    /// Reads what waits in each socket, with one system call.
    pub fn read(&mut self) {
        self.reader.read_each_socket(1, &mut self.buffers);
    }

    /// Writes what was read.
    pub fn write(&mut self) {
        self.reader.hand_over();
        for (writer, batch) in &mut self.writers {
            writer.run_once(batch, Duration::ZERO);
        }
    }

    /// Datagrams in the storage.
    pub fn committed(&self) -> u64 {
        self.stats.committed.value()
    }
}
