//! `tlsrptctl doctor` finds each mistake of a set-up, and nothing once it is mended; `dkim-record --new` makes keys.

mod hostile;
mod keys;
mod postfix;
mod reporter;
mod service;
mod site;
