//! The options of `tlsrpt-statusd`.

use super::{Default::Is, Kind::*, Row, ours, unset};

pub(super) const ROWS: &[Row] = &[
    ours(
        "reportd_config",
        Path,
        unset("/etc/tlsrpt/reportd.cfg", "/etc/tlsrpt/reportd.cfg"),
        "The configuration of the reporter that is shown: its dbname, observation_socket and fetchers are read there. The packages' unit shows it /etc/tlsrpt/reportd.cfg alone: another file needs BindReadOnlyPaths= in a drop-in.",
    ),
    ours(
        "collector_sockets",
        Sockets,
        unset(
            "/run/tlsrpt/collectd.observe, if it is there or fetchers asks this host",
            "/run/tlsrpt/collectd.observe",
        ),
        "The observation sockets of the collectors of this host. Of other hosts' collectors, what the reporter knows is shown. Set to nothing, none is asked: where sys4's collector runs, which has none.",
    ),
    // Who is served.
    ours(
        "listen",
        Listen,
        Is("127.0.0.1:9976"),
        "Where HTTP is served. A socket that the service manager passes takes its place.",
    ),
    ours(
        "allow_remote",
        Switch,
        Is("no"),
        "Whether listen may be an address that other hosts reach. Nobody is asked for a password: whoever reaches it reads with whom mail is exchanged.",
    ),
    ours(
        "host_names",
        Hosts,
        unset(
            "only localhost and IP addresses",
            "status.example.com, mx.example.com",
        ),
        "Further names by which a browser may ask for the page. A request to another name is refused: any web site can let a name of its own lead here.",
    ),
    ours(
        "max_connections",
        Count(2, 10000),
        Is("256"),
        "Connections at once. One more takes the place of the one that has moved nothing for longest.",
    ),
    ours(
        "exit_when_idle",
        Seconds(0),
        Is("600"),
        "Without a connection for so long, the program ends when the service manager passed its socket, and is started again by the next connection. At least 10; or 0: it stays.",
    ),
    // How it works.
    ours(
        "refresh_interval",
        Seconds(1),
        Is("5"),
        "Store and daemons are asked at most once in so many seconds, however many ask the page.",
    ),
    ours(
        "logfilename",
        Path,
        unset("standard error only", "/var/log/tlsrpt/statusd.log"),
        "A file for the log, beside standard error. A link to a file is not followed. SIGHUP opens the file again. The packages' unit may write nowhere: the journal has its log; a file needs ReadWritePaths= in a drop-in.",
    ),
    ours(
        "log_level",
        Level,
        Is("warn"),
        "The least level that is logged.",
    ),
];
