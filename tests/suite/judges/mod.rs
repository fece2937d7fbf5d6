//! What the world's receivers make of our mails: their verifiers of DKIM, their readers of reports.

mod dkim;
mod readers;
