//! The options of `tlsrpt-fetcher`.

use super::{Default::Is, Kind::*, Row, ours, required, sys4, unset};

pub(super) const ROWS: &[Row] = &[
    sys4(
        "storage",
        Storages,
        required("sqlite:///var/lib/tlsrpt/collectd.sqlite"),
        "The storage of the collector, as in its configuration. Only the first URL is read.",
    ),
    sys4(
        "logfilename",
        Path,
        unset("standard error only", "/var/log/tlsrpt/fetcher.log"),
        "A file for the log, beside standard error. A link to a file is not followed.",
    ),
    sys4(
        "log_level",
        Level,
        Is("warn"),
        "The least level that is logged.",
    ),
    ours(
        "observation_socket",
        Path,
        unset(
            "today and status are not answered",
            "/run/tlsrpt/collectd.observe",
        ),
        "The observation socket of the collector, as in its configuration: asked for today and status.",
    ),
];
