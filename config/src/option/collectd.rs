//! The options of `tlsrpt-collectd`.

use super::{Default::Is, Kind::*, Row, ours, required, sys4, unset};

pub(super) const ROWS: &[Row] = &[
    sys4(
        "storage",
        Storages,
        required("sqlite:///var/lib/tlsrpt/collectd.sqlite"),
        "Where the counters are kept. sqlite:///PATH is a file, today's; the closed days stand beside it. dummy: keeps nothing, dummy:?log writes it to the log.",
    ),
    sys4(
        "socketname",
        Sockets,
        required("/run/tlsrpt/collectd.sock"),
        "The Unix datagram socket that the MTA writes to. Several for several instances of Postfix. One that a service manager passes (systemd's ListenDatagram=) is used as it is.",
    ),
    sys4(
        "socketuser",
        Text,
        unset("the user of the process", "tlsrpt"),
        "The owner of the socket, by name or number.",
    ),
    sys4(
        "socketgroup",
        Text,
        unset("the group of the process", "postfix"),
        "The group of the socket, by name or number.",
    ),
    sys4(
        "socketmode",
        Mode,
        unset("what the umask leaves", "0220"),
        "The permissions of the socket, octal.",
    ),
    sys4(
        "sockettimeout",
        Seconds(1),
        Is("5"),
        "What has come in is on the disk after this time at the latest.",
    ),
    sys4(
        "max_uncommited_datagrams",
        Count(1, i64::MAX),
        Is("1000"),
        "Commit after that many datagrams (spelled so).",
    ),
    sys4(
        "retry_commit_datagram_count",
        Count(1, i64::MAX),
        Is("1000"),
        "After a commit that failed, try again after that many datagrams more.",
    ),
    sys4(
        "pidfilename",
        Path,
        unset("none", "/run/tlsrpt/collectd.pid"),
        "The file for the process number.",
    ),
    sys4(
        "logfilename",
        Path,
        unset("standard error only", "/var/log/tlsrpt/collectd.log"),
        "A file for the log, beside standard error; or /dev/stdout or another standard stream, instead of it. A link to a file is not followed. SIGHUP opens the file again.",
    ),
    sys4(
        "log_level",
        Level,
        Is("warn"),
        "The least level that is logged.",
    ),
    sys4(
        "daily_rollover_script",
        Words,
        unset("none", "/usr/local/lib/tlsrpt/day-closed"),
        "A command to run after a day was closed. It is given the storage URL and the path of the finished day's database.",
    ),
    sys4(
        "dump_path_for_invalid_datagram",
        Path,
        unset("not written", "/var/lib/tlsrpt/invalid-datagram"),
        "A file into which an invalid datagram is written; the next one overwrites it.",
    ),
    ours(
        "keep_days",
        Count(1, 36500),
        Is("10"),
        "Closed days are kept that long, for a reporter that was away.",
    ),
    ours(
        "clock_confirmation",
        Seconds(0),
        Is("600"),
        "A clock that jumps is accepted when its new time has been stable for this long. Until then the old time runs on, days are not closed and nothing expires. 0 accepts every reading.",
    ),
    ours(
        "max_queued_datagrams",
        Count(1, 10_000_000),
        Is("40000"),
        "Datagrams that wait for the writer; more are counted as dropped. 40000 take 41 MB at most, and as much again while the writer is at work.",
    ),
    ours(
        "max_datagram_size",
        Count(1024, 16_777_216),
        Is("262144"),
        "Bytes of a datagram; a longer one is counted as invalid. Linux lets a sender send 212960 unless told otherwise.",
    ),
    ours(
        "max_text_length",
        Count(256, 1_048_576),
        Is("16384"),
        "Bytes of one text of a datagram; the rest is cut off. A TXT record with hundreds of addresses fits.",
    ),
    ours(
        "max_policies_per_domain",
        Count(1, 1_000_000),
        Is("100"),
        "Distinct policies counted for a domain and day; more are counted together, by type.",
    ),
    ours(
        "max_failures_per_policy",
        Count(1, 1_000_000),
        Is("100"),
        "Distinct failure details counted for a policy; more are counted together, by result type.",
    ),
    ours(
        "max_domains_in_memory",
        Count(1, 100_000_000),
        Is("100000"),
        "Distinct datagrams that are recognised without being read again, as a rule one or two a domain; about 100 bytes each. Beyond them all are looked up on the disk anew.",
    ),
    ours(
        "max_day_file_size",
        Count(1_048_576, 1 << 50),
        Is("2147483648"),
        "Bytes of a day's file. In its last quarter new details are counted together; when it is full, only what has its row already is counted, and the rest as dropped. The names under one domain may use an eighth of what is free. 2 GiB hold about three million domains.",
    ),
    ours(
        "stats_file",
        Path,
        unset("not written", "/run/tlsrpt/collectd.prom"),
        "The collector's metrics are written here every ten seconds, in Prometheus' text format and for everybody to read: for node_exporter's textfile collector.",
    ),
    ours(
        "observation_socket",
        Path,
        unset("none", "/run/tlsrpt/collectd.observe"),
        "A Unix stream socket that answers what the collector does, for tlsrpt-fetcher, tlsrptctl and others: tlsrpt-observe(5). The user and the group of the process may ask.",
    ),
];
