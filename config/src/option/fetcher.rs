//! The options of `tlsrpt-fetcher`.

use super::{Default::Is, Kind::*, Row, peer, required, unset};

pub(super) const ROWS: &[Row] = &[
    peer(
        "storage",
        Storages,
        required("sqlite:///var/lib/tlsrpt/collectd.sqlite"),
        "The storage of the collector, as in its configuration. Only the first URL is read.",
    ),
    peer(
        "logfilename",
        Path,
        unset("standard error only", "/var/log/tlsrpt/fetcher.log"),
        "A file for the log, beside standard error. A link to a file is not followed.",
    ),
    peer(
        "log_level",
        Level,
        Is("warn"),
        "The least level that is logged.",
    ),
];
