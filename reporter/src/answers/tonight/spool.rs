//! What one collector told, put aside as fast as it comes: the order in which collectors are read again is that of the domains, and
//! no collector waits for another's. It stands compressed in a file without a name (in `TMPDIR`, or /tmp), which is gone with us.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Seek as _, Write as _},
};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};

/// Takes domains with their counts.
pub(super) struct Spool(DeflateEncoder<BufWriter<File>>);

/// Gives them in the same order.
pub(super) struct SpoolReader(BufReader<DeflateDecoder<BufReader<File>>>);

impl Spool {
    /// # Errors
    /// When no file can be made.
    pub(super) fn new() -> io::Result<Spool> {
        let file = BufWriter::new(tempfile::tempfile()?);
        Ok(Spool(DeflateEncoder::new(file, Compression::fast())))
    }

    /// Neither text has a line end: JSON writes it otherwise.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn put(&mut self, domain: &str, counts: &str) -> io::Result<()> {
        writeln!(self.0, "{domain} {counts}")
    }

    /// # Errors
    /// When the rest cannot be written.
    pub(super) fn read(self) -> io::Result<SpoolReader> {
        let mut file = self.0.finish()?.into_inner()?;
        file.rewind()?;
        Ok(SpoolReader(BufReader::new(DeflateDecoder::new(
            BufReader::new(file),
        ))))
    }
}

impl SpoolReader {
    /// The next domain with its counts.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<(String, String)>> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let entry = line.trim_end_matches('\n').split_once(' ');
        Ok(entry.map(|(domain, counts)| (domain.to_owned(), counts.to_owned())))
    }
}
