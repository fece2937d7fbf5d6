//! The options of `tlsrpt-reportd`.

use super::{Default::Is, Kind::*, Row, idle, ours, required, sys4, unset};

const DEADLINE_APPLIES: &str = "fetch_deadline applies";
const WINDOW_APPLIES: &str = "retry_window applies";

pub(super) const ROWS: &[Row] = &[
    sys4(
        "pidfilename",
        Path,
        unset("none", "/run/tlsrpt/reportd.pid"),
        "The file for the process number.",
    ),
    sys4(
        "logfilename",
        Path,
        unset("standard error only", "/var/log/tlsrpt/reportd.log"),
        "A file for the log, beside standard error; or /dev/stdout or another standard stream, instead of it. A link to a file is not followed. SIGHUP opens the file again.",
    ),
    sys4(
        "log_level",
        Level,
        Is("warn"),
        "The least level that is logged.",
    ),
    ours(
        "log_sent_interval",
        Seconds(0),
        Is("0"),
        "With log_level info, reports that are stored or sent are counted, and logged as one line in so many seconds: a large day fills no disk. Whatever ends otherwise has a line as ever. 0: a line each.",
    ),
    sys4(
        "dbname",
        Database,
        required("/var/lib/tlsrpt/reportd.sqlite"),
        "The database of the reporter: an SQLite file, or the address of the PostgreSQL database of a fleet, whose members are all reporters with this address. TLS is used there, and the server's certificate verified, unless the address ends in ?sslmode=disable or is that of a Unix socket (postgresql://USER@%2Frun%2Fpostgresql/DATABASE); ?sslrootcert=FILE names an authority beside the system's.",
    ),
    ours(
        "dbname_password_file",
        Path,
        unset(
            "no password: pg_hba.conf of the server lets us in without one",
            "/etc/tlsrpt/database-password",
        ),
        "A file whose first line is the password for the PostgreSQL database that dbname names.",
    ),
    // Where the reports come from.
    sys4(
        "fetchers",
        Fetchers,
        required("tlsrpt-fetcher"),
        "The commands that read the collectors, each run as COMMAND DAY [DOMAIN] without a shell; for another host ssh user@host tlsrpt-fetcher. With dbname on PostgreSQL it may be left out: tlsrpt-shipper brings what its collector has counted.",
    ),
    ours(
        "fetch_deadline",
        Seconds(1),
        Is("21600"),
        "So long after midnight the reports are made without the collectors that have not answered; at the latest an hour before the day is older than max_report_age.",
    ),
    sys4(
        "max_retries_domainlist",
        Count(0, 1_000_000),
        unset(DEADLINE_APPLIES, "5"),
        "How often a fetcher that failed is called again. With one of the three options of its kind set, the others are 5, 30 and 300.",
    ),
    sys4(
        "min_wait_domainlist",
        Seconds(0),
        unset(DEADLINE_APPLIES, "30"),
        "The least wait before a fetcher is called again.",
    ),
    sys4(
        "max_wait_domainlist",
        Seconds(0),
        unset(DEADLINE_APPLIES, "300"),
        "The longest wait before a fetcher is called again.",
    ),
    sys4(
        "max_retries_domaindetails",
        Count(0, 1_000_000),
        unset(DEADLINE_APPLIES, "5"),
        "As max_retries_domainlist, for the details of a domain.",
    ),
    sys4(
        "min_wait_domaindetails",
        Seconds(0),
        unset(DEADLINE_APPLIES, "30"),
        "As min_wait_domainlist, for the details of a domain.",
    ),
    sys4(
        "max_wait_domaindetails",
        Seconds(0),
        unset(DEADLINE_APPLIES, "300"),
        "As max_wait_domainlist, for the details of a domain.",
    ),
    sys4(
        "max_collectd_timediff",
        Seconds(0),
        Is("10"),
        "A collector's clock that differs by more is warned of.",
    ),
    ours(
        "max_answer_size",
        Count(1_048_576, i64::MAX),
        Is("1073741824"),
        "Bytes of a collector's answer for a day, a domain counted as at least 256: what is beyond them is left out.",
    ),
    idle(
        "max_collectd_timeout",
        Seconds(0),
        Is("10"),
        "Accepted for existing files; it has no effect.",
    ),
    sys4(
        "interval_main_loop",
        Seconds(1),
        Is("300"),
        "The longest time between two looks at what is due.",
    ),
    sys4(
        "keep_days",
        Count(1, 36500),
        Is("10"),
        "Reports and their outcomes are kept that long.",
    ),
    ours(
        "max_kept_reports_size",
        Count(0, i64::MAX),
        Is("536870912"),
        "Bytes of reports, compressed as they were sent, that are kept for keep_days, for tlsrptctl show and resend: beyond them the oldest go first. 0 keeps none.",
    ),
    ours(
        "history_days",
        Count(1, 36500),
        Is("400"),
        "The totals and failures of each day are remembered that long, for tlsrptctl history and failures.",
    ),
    ours(
        "history_failures",
        Count(0, 100_000),
        Is("10000"),
        "Failures that are remembered of a day, each a domain, MX, policy type, result type and reason: those of the most sessions. The others are counted together.",
    ),
    ours(
        "clock_confirmation",
        Seconds(0),
        Is("600"),
        "A clock that jumps is accepted when its new time has been stable for this long. Until then the old time runs on, days are not closed and nothing expires. 0 accepts every reading.",
    ),
    ours(
        "late_interval",
        Seconds(0),
        Is("3600"),
        "So often collectors are asked whether something was added to a day that they have told already: it is reported late. 0: only with the next day.",
    ),
    // What stands in a report.
    sys4(
        "organization_name",
        Text,
        required("Example Mail"),
        "Your organization, as named in reports.",
    ),
    sys4(
        "contact_info",
        Address,
        required("tlsrpt@example.com"),
        "The address that receivers of reports may write to. Its domain is the submitter of the reports.",
    ),
    sys4(
        "sender_address",
        Mailbox,
        unset("contact_info", "TLS Reports <noreply@example.com>"),
        "The From address of report mails; a display name is allowed.",
    ),
    sys4(
        "compression_level",
        Count(-1, 9),
        Is("-1"),
        "zlib's level; -1 is its own default.",
    ),
    ours(
        "max_report_size",
        Count(65_536, 1 << 30),
        Is("8388608"),
        "Bytes of a report before it is compressed: in a larger one details become one, the rare ones first; the counters stay exact.",
    ),
    ours(
        "loop_guard",
        Switch,
        Is("no"),
        "For an MTA that counts the sessions of report mails, as Postfix 3.10.0 to 3.10.3 do: a domain whose sessions may all have carried reports on it is reported once a week.",
    ),
    ours(
        "report_days",
        Days,
        Is("all"),
        "all: every day of a domain with sessions is reported; failures: only a day with a failed session.",
    ),
    ours(
        "min_sessions",
        Count(1, i64::MAX),
        Is("1"),
        "A domain's day with fewer sessions is not reported.",
    ),
    ours(
        "mx_reports",
        Switch,
        Is("no"),
        "yes: the TLSRPT record of a MX host with DANE is asked for as well, and its operator gets one report a day on all sessions there, whatever the recipient domains.",
    ),
    ours(
        "max_report_age",
        Seconds(86400),
        Is("259200"),
        "A day that ended longer ago is no longer reported.",
    ),
    // Where reports go.
    ours(
        "resolve_records",
        Switch,
        Is("yes"),
        "Look the TXT record up when the report is made; no: take what the MTA saw.",
    ),
    ours(
        "dns_servers",
        DnsServers,
        unset("those of the system", "127.0.0.1, [::1]:5353"),
        "The name servers to ask.",
    ),
    ours(
        "dns_timeout",
        Seconds(1),
        unset("5, or options timeout of resolv.conf", "5"),
        "The wait for a name server.",
    ),
    ours(
        "max_destinations",
        Count(1, 100_000),
        Is("10"),
        "Addresses used of one record.",
    ),
    ours(
        "max_reports_per_destination",
        Count(0, 1_000_000_000),
        Is("0"),
        "Reports of one day to one mail domain or https host, on domains other than its own; 0 sets no bound. Domains with failures come first; the others' reports are left out there.",
    ),
    ours(
        "known_destinations",
        Hosts,
        unset("none", "reports.example, collector.example"),
        "Mail domains and https hosts, each with its subdomains, that are known to take the reports of many domains: max_reports_per_destination leaves them alone, and no warning says that many records name them.",
    ),
    ours(
        "destination_dnsbl",
        BlockLists,
        unset("none", "dbl.example, rhsbl.example=127.0.0.[2..11]"),
        "DNS block lists of domain names, as reject_rhsbl_sender of Postfix takes them: a mail domain or https host of a record gets no reports while it is on one. Without CODE all of 127.0.0.0/8 counts but 127.0.0.1; 127.255.255.0/24 is a refusal of the list's and never counts. A list that does not answer lists nobody. known_destinations, and destinations of your maps, are not asked about.",
    ),
    sys4(
        "tlsrpt_record_map",
        Path,
        unset("no map", "/etc/tlsrpt/record.map"),
        "A map over the destinations of a record, by the domain that is reported on.",
    ),
    sys4(
        "mail_destination_map",
        Path,
        unset("no map", "/etc/tlsrpt/mail.map"),
        "A map over each mailto: destination.",
    ),
    sys4(
        "http_upload_map",
        Path,
        unset("no map", "/etc/tlsrpt/http.map"),
        "A map over each https: destination.",
    ),
    sys4(
        "debug_send_mail_dest",
        Text,
        unset("not used", "postmaster@example.com"),
        "For tests: takes the place of every mailto: destination. Not beside mail_destination_map.",
    ),
    sys4(
        "debug_send_http_dest",
        Text,
        unset("not used", "https://localhost/reports"),
        "For tests: takes the place of every https: destination. Not beside http_upload_map.",
    ),
    sys4(
        "debug_send_file_dest",
        Path,
        unset("not used", "/tmp/reports"),
        "For tests: a directory into which every report is saved too. Not beside tlsrpt_record_map.",
    ),
    // When.
    sys4(
        "spread_out_delivery",
        Seconds(1),
        Is("36000"),
        "Deliveries are spread over this time by chance; 1 means now.",
    ),
    ours(
        "retry_window",
        Seconds(1),
        Is("86400"),
        "A delivery is given up that long after its first attempt.",
    ),
    sys4(
        "max_retries_delivery",
        Count(0, 1_000_000),
        unset(WINDOW_APPLIES, "5"),
        "How often a delivery that failed is repeated. With one of the three options of its kind set, the others are 5, 300 and 1800.",
    ),
    sys4(
        "min_wait_delivery",
        Seconds(0),
        unset(WINDOW_APPLIES, "300"),
        "The least wait between two attempts.",
    ),
    sys4(
        "max_wait_delivery",
        Seconds(0),
        unset(WINDOW_APPLIES, "1800"),
        "The longest wait between two attempts.",
    ),
    ours(
        "max_concurrent_deliveries",
        Count(1, 10_000),
        Is("64"),
        "HTTPS posts under way at one time. A post that takes longer than a second frees its place for the next; at most 8 x this number, and never more than 512, continue as slow posts. Mails: see max_concurrent_per_host.",
    ),
    ours(
        "max_concurrent_per_host",
        Count(1, 10_000),
        Is("4"),
        "Posts to one host at one time, over all its ports. The mail relay counts as one host: so many mails go to it at one time, but no more than max_concurrent_deliveries, nor than 20 over SMTP.",
    ),
    ours(
        "max_rate_per_host",
        Count(0, 100_000),
        Is("50"),
        "Deliveries a second that are begun to one https host; 0 sets no bound. For mails: max_mail_rate_per_domain.",
    ),
    ours(
        "max_mail_rate_per_domain",
        Count(0, 6_000_000),
        Is("0"),
        "Mails a minute that are begun to one mail domain, whatever relay takes them; 0 sets no bound. Mails to others do not wait meanwhile.",
    ),
    // By mail.
    ours(
        "mail_transport",
        Transport,
        Is("sendmail"),
        "sendmail runs the program of that name; smtp://HOST[:PORT] gives mails to a relay, with STARTTLS when offered; smtps:// inside TLS.",
    ),
    ours(
        "helo_name",
        Text,
        unset(
            "the host's name with its domain, or else its address",
            "mail.example.com",
        ),
        "The name by which the relay is greeted (EHLO): a host name, or an address in brackets.",
    ),
    ours(
        "mail_user",
        Text,
        unset("no SMTP AUTH", "tlsrpt"),
        "The user for SMTP AUTH.",
    ),
    ours(
        "mail_password_file",
        Path,
        unset("no SMTP AUTH", "/etc/tlsrpt/mail-password"),
        "A file whose first line is the password for SMTP AUTH.",
    ),
    ours(
        "bcc_address",
        Address,
        unset("no copies", "archive@example.com"),
        "A copy of every report mail goes here, by the envelope only.",
    ),
    ours(
        "bounce_address",
        Address,
        unset(
            "mails that cannot be delivered come back to sender_address",
            "tlsrpt-bounces@example.com",
        ),
        "The envelope sender of report mails, with bounce_delimiter and a tag that names the delivery: tlsrpt-bounces+TAG@example.com. What comes back there is given to tlsrptctl bounce, and the report counts as refused. At most 25 characters before the @.",
    ),
    ours(
        "bounce_delimiter",
        Delimiter,
        Is("+"),
        "What stands between bounce_address and the tag: a character of Postfix's recipient_delimiter.",
    ),
    ours(
        "unclaimed_bounces",
        Path,
        unset(
            "the MTA is told to refuse it, as for an unknown user",
            "/var/lib/tlsrpt/unclaimed",
        ),
        "A directory for what comes to bounce_address and is no bounce, or bears no tag of ours: a file each, at most 1000 files and 64 MiB; beyond that it is refused.",
    ),
    ours(
        "digest_address",
        Address,
        unset("no digest", "postmaster@example.com"),
        "The operator's own address: says in plain words what failed when we sent, and how the reports fared.",
    ),
    ours(
        "digest",
        Frequency,
        Is("never"),
        "When digest_address gets a digest. daily: after each day; failures: only after one on which sessions failed or a collector did not answer; weekly: on Monday, of the seven days before.",
    ),
    ours(
        "dkim_domain",
        Domain,
        unset("the domain of contact_info", "reports.example.com"),
        "The d= of DKIM signatures.",
    ),
    ours(
        "dkim_keys",
        DkimKeys,
        unset(
            "the MTA signs",
            "mail-tlsrpt:/etc/tlsrpt/dkim.pem, tlsrpt:/etc/tlsrpt/dkim.pem",
        ),
        "The keys that sign report mails, each with its selector: PEM, RSA or Ed25519; each signs. Two selectors, of one key or of two: the TXT record of the first without s=, for receivers that take the report for ordinary mail, that of the second with s=tlsrpt, for those that demand it.",
    ),
    sys4(
        "sendmail_script",
        Shell,
        unset("mail_transport applies", "sendmail -i -t"),
        "A shell command that is given the mail on its standard input.",
    ),
    sys4(
        "sendmail_timeout",
        Seconds(1),
        Is("10"),
        "The time for a program to take a mail, after which it is killed. Of a relay, the wait for each answer; once it has the mail it gets at least 600, or its slowness would send the mail twice (RFC 5321 section 4.5.3.2).",
    ),
    // By HTTPS.
    ours(
        "https_verify",
        Switch,
        Is("yes"),
        "Verify the certificates of receivers.",
    ),
    ours(
        "https_ca_file",
        Path,
        unset("the system's only", "/etc/tlsrpt/ca.pem"),
        "More trust anchors, PEM.",
    ),
    ours(
        "https_proxy",
        Proxy,
        unset(
            "https_proxy and no_proxy of the environment",
            "http://proxy.example.com:3128",
        ),
        "The proxy for HTTPS. With a proxy the address filter can check only what is resolved here.",
    ),
    ours(
        "allow_private_destinations",
        Switch,
        Is("no"),
        "Let the URI of a record lead to addresses that are not global.",
    ),
    sys4(
        "http_script",
        Shell,
        unset(
            "posted without a script",
            "curl --fail --silent --header 'Content-Type: application/tlsrpt+gzip' --data-binary @-",
        ),
        "A shell command that is given the gzip bytes on its standard input and the URL as its last word.",
    ),
    sys4(
        "http_timeout",
        Seconds(1),
        Is("10"),
        "The time to connect, and for each part of an upload to be taken; a script is killed after it. The answer is waited for longer, at least 600, or a slow receiver would get the report again and again.",
    ),
    sys4("debug_db", Switch, Is("0"), "Log SQL statements."),
    ours(
        "observation_socket",
        Path,
        unset("none", "/run/tlsrpt/reportd.observe"),
        "A Unix stream socket that answers what the reporter does now, for tlsrptctl and others: tlsrpt-observe(5). The user and the group of the process may ask.",
    ),
];
