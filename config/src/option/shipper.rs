//! The options of `tlsrpt-shipper`.

use super::{Default::Is, Kind::*, Row, ours, required, unset};

pub(super) const ROWS: &[Row] = &[
    ours(
        "ship_to",
        Text,
        required("postgresql://tlsrpt_shipper@db.example.com/tlsrpt"),
        "The fleet's database, that of its reporters: postgresql://USER@HOST[:PORT][,HOST...]/DATABASE. TLS is used, and the server's certificate and name verified; sslrootcert=PATH behind a ? adds an authority of your own.",
    ),
    ours(
        "ship_to_password_file",
        Path,
        unset(
            "no password is given",
            "/run/credentials/tlsrpt-shipper.service/database",
        ),
        "A file with the password of the database's user, in its first line. It is read for each connection.",
    ),
    ours(
        "ship_as",
        Text,
        unset("the name of this host", "mx1.example.com"),
        "The name of this collector in the fleet, one for each.",
    ),
    ours(
        "ship_interval",
        Seconds(1),
        Is("60"),
        "How often today is read and shipped. When reading takes more than a tenth of the time, it is done less often.",
    ),
    ours(
        "storage",
        Storages,
        required("sqlite:///var/lib/tlsrpt/collectd.sqlite"),
        "The storage of the collector, as in its configuration. Only the first URL is read. In the folder shipper beside it stands who this collector is.",
    ),
    ours(
        "observation_socket",
        Path,
        required("/run/tlsrpt/collectd.observe"),
        "The observation socket of the collector, as in its configuration: asked for what is counted today.",
    ),
    ours(
        "fetcher",
        Words,
        unset(
            "tlsrpt-fetcher, where PATH has it",
            "/usr/bin/tlsrpt-fetcher",
        ),
        "The program that reads the collector's days. It gets storage and observation_socket as arguments.",
    ),
    ours(
        "pidfilename",
        Path,
        unset("not written", "/run/tlsrpt/shipper.pid"),
        "A file for the number of the process.",
    ),
    ours(
        "logfilename",
        Path,
        unset("standard error only", "/var/log/tlsrpt/shipper.log"),
        "A file for the log, beside standard error. A link to a file is not followed. SIGHUP opens it again.",
    ),
    ours(
        "log_level",
        Level,
        Is("info"),
        "The least level that is logged.",
    ),
];
