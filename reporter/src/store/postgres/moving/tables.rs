//! What is moved: each table with how it is read and written on both sides. All values go as texts, octets in hexadecimal; a
//! statement casts them.
//!
//! A report's number is `r_id` in a fleet, of which its day is a part, and a small number in a file.

/// A table on both sides.
pub(super) struct MovedTable {
    /// That of the fleet.
    pub(super) name: &'static str,
    /// Gives `width` columns.
    pub(super) from_file: &'static str,
    pub(super) width: usize,
    /// Columns that are computed, behind the others.
    pub(super) added: &'static [Added],
    /// Behind `INSERT INTO`: `r` has the columns `c1`, `c2` and so on.
    pub(super) into_fleet: &'static str,
    /// Gives the columns that `into_file` wants; those `BY_DAY` for each day, with `$1` the day, and `n(r_id, n)` the reports'
    /// numbers.
    pub(super) from_fleet: &'static str,
    pub(super) is_by_day: bool,
    pub(super) into_file: &'static str,
    /// Columns of `into_file`, from 0, that are octets.
    pub(super) octets: &'static [usize],
}

/// A column that follows from others, which are counted from 0.
#[derive(Clone, Copy, Debug)]
pub(super) enum Added {
    /// The hash of a text.
    Hash(usize),
    /// The shard of a domain.
    Shard(usize),
    /// The destination queue of a uri, or what stands there.
    Queue { uri: usize, known: usize },
    /// The shard of a delivery of this uri on this domain.
    DeliveryShard { uri: usize, domain: usize },
}

/// An instant as a file has it.
macro_rules! instant {
    ($column:literal) => {
        concat!(
            "to_char(",
            $column,
            ", 'YYYY-MM-DD HH24:MI:SS') || CASE WHEN date_part('microseconds', ",
            $column,
            ")::bigint % 1000000 = 0 THEN '' ELSE to_char(",
            $column,
            ", '.US') END || '+00:00'"
        )
    };
}
/// A report's number, from its day and its number in the file.
macro_rules! r_id {
    ($day:literal, $number:literal) => {
        concat!(
            "((",
            $day,
            "::date - date '2000-01-01')::bigint << 40) | ",
            $number,
            "::bigint"
        )
    };
}

#[rustfmt::skip]
pub(super) const TABLES: &[MovedTable] = &[
    MovedTable {
        name: "decided",
        from_file: "SELECT day FROM tlsrptd_decided WHERE day GLOB '????-??-??'",
        width: 1, added: &[],
        into_fleet: "decided(day) SELECT c1::date FROM r",
        from_fleet: "SELECT day::text FROM decided ORDER BY day",
        is_by_day: false,
        into_file: "INSERT OR IGNORE INTO tlsrptd_decided(day) VALUES(?1)",
        octets: &[],
    },
    MovedTable {
        name: "fetch_job",
        from_file: "SELECT day, fetcherindex, fetcher, coalesce(tlsrptd_place, fetcherindex), coalesce(retries, 0), \
            coalesce(nexttry, its), coalesce(its, nexttry), coalesce(tlsrptd_closed, nexttry, its), \
            CASE WHEN status = 'ok' THEN 'answered' WHEN status = 'removed' THEN 'removed' \
              WHEN tlsrptd_given_up = 3 THEN 'too large' ELSE 'given up' END, coalesce(tlsrptd_listed, 0), \
            coalesce(tlsrptd_early, 0), tlsrptd_seen, tlsrptd_reason FROM fetchjobs WHERE day GLOB '????-??-??'",
        width: 13, added: &[],
        into_fleet: "fetch_job(day, job, command, place, failures, next, created, closed, outcome, decided, listed, early, seen, reason) \
            SELECT c1::date, c2::int, c3, c4::int, c5::int, c6::timestamptz, c7::timestamptz, c8::timestamptz, c9, true, \
            c10 = '1', c11 = '1', c12::bigint, c13 FROM r",
        from_fleet: concat!("SELECT day::text, job::text, command, place::text, failures::text, ", instant!("next"), ", \
            to_char(created, 'YYYY-MM-DD HH24:MI:SS'), ", instant!("closed"), ", \
            CASE outcome WHEN 'answered' THEN 'ok' WHEN 'removed' THEN 'removed' ELSE 'timedout' END, \
            CASE outcome WHEN 'given up' THEN '1' WHEN 'removed' THEN '2' WHEN 'too large' THEN '3' END, \
            CASE WHEN listed THEN '1' END, CASE WHEN early THEN '1' END, seen::text, reason \
            FROM fetch_job WHERE job > 0 ORDER BY day, job"),
        is_by_day: false,
        into_file: "INSERT INTO fetchjobs(day, fetcherindex, fetcher, tlsrptd_place, retries, nexttry, its, tlsrptd_closed, status, \
            tlsrptd_given_up, tlsrptd_listed, tlsrptd_early, tlsrptd_seen, tlsrptd_reason) \
            VALUES(?1, CAST(?2 AS INTEGER), ?3, CAST(?4 AS INTEGER), CAST(?5 AS INTEGER), ?6, ?7, ?8, ?9, \
            CAST(?10 AS INTEGER), CAST(?11 AS INTEGER), CAST(?12 AS INTEGER), CAST(?13 AS INTEGER), ?14)",
        octets: &[],
    },
    MovedTable {
        name: "answer",
        from_file: "SELECT r.day, r.domain, r.fetcherindex, \
            max(0, length(r.fetcher) - length(coalesce((SELECT j.fetcher FROM fetchjobs j WHERE j.day = r.day \
              AND j.fetcherindex = r.fetcherindex), r.fetcher))), r.fetcher, \
            CASE WHEN r.data IS NULL AND r.tlsrptd_reason IS NULL THEN 'given up' WHEN r.data IS NULL THEN 'unusable' \
              WHEN r.status = 'late' THEN 'late' ELSE 'fetched' END, r.data, r.tlsrptd_reason \
            FROM reportdata r WHERE r.day GLOB '????-??-??' AND typeof(r.fetcherindex) = 'integer'",
        width: 8, added: &[Added::Shard(1)],
        into_fleet: "answer(day, domain, job, spelling, command, state, data, reason, shard) \
            SELECT c1::date, left(c2, 300), c3::int, c4::smallint, c5, c6, c7, c8, c9::smallint FROM r",
        from_fleet: "SELECT day::text, domain, job::text, command, CASE state WHEN 'late' THEN 'late' \
            WHEN 'fetched' THEN 'fetched' ELSE 'timedout' END, data, reason FROM answer WHERE day = $1::text::date AND job > 0",
        is_by_day: true,
        into_file: "INSERT OR IGNORE INTO reportdata(day, domain, fetcherindex, fetcher, status, data, tlsrptd_reason, retries) \
            VALUES(?1, ?2, CAST(?3 AS INTEGER), ?4, ?5, ?6, ?7, 0)",
        octets: &[],
    },
    MovedTable {
        name: "report",
        from_file: "SELECT r.r_id, r.day, coalesce(r.domain, ''), coalesce(r.uniqid, 0), coalesce(r.tlsrptd_mx, 0), r.its, r.tlsrptd_sessions, \
            r.tlsrptd_failed, r.tlsrptd_jobs, r.tlsrptd_reason, \
            coalesce(r.report, CASE typeof(k.contents) WHEN 'text' THEN k.contents END), \
            CASE typeof(k.contents) WHEN 'blob' THEN k.contents END \
            FROM reports r LEFT JOIN tlsrptd_kept_reports k ON k.r_id = r.r_id WHERE r.day GLOB '????-??-??' ORDER BY r.r_id",
        width: 12, added: &[Added::Shard(2)],
        into_fleet: concat!("report(r_id, day, domain, uniqid, mx, created, sessions, failed, jobs, reason, json, gzip, shard) \
            SELECT ", r_id!("c2", "c1"), ", c2::date, c3, c4::bigint, c5 = '1', c6::timestamptz, c7::bigint, c8::bigint, c9, c10, c11, \
            decode(c12, 'hex'), c13::smallint FROM r"),
        from_fleet: "SELECT n.n::text, r.day::text, r.domain, r.uniqid::text, CASE WHEN r.mx THEN '1' END, \
            to_char(r.created, 'YYYY-MM-DD HH24:MI:SS'), r.sessions::text, r.failed::text, r.jobs, r.reason, \
            CASE WHEN k.r_id IS NULL THEN r.json END \
            FROM n JOIN report r ON r.day = $1::text::date AND r.r_id = n.r_id LEFT JOIN kept k ON k.r_id = r.r_id ORDER BY n.n",
        is_by_day: true,
        into_file: "INSERT INTO reports(r_id, day, domain, uniqid, tlsrptd_mx, its, tlsrptd_sessions, tlsrptd_failed, tlsrptd_jobs, \
            tlsrptd_reason, report) VALUES(CAST(?1 AS INTEGER), ?2, ?3, CAST(?4 AS INTEGER), CAST(?5 AS INTEGER), ?6, \
            CAST(?7 AS INTEGER), CAST(?8 AS INTEGER), ?9, ?10, ?11)",
        octets: &[],
    },
    MovedTable {
        name: "kept",
        from_file: "SELECT k.r_id, r.day, k.bytes FROM tlsrptd_kept_reports k JOIN reports r ON r.r_id = k.r_id \
            WHERE r.day GLOB '????-??-??' ORDER BY k.id",
        width: 3, added: &[],
        into_fleet: concat!("kept(r_id, day, bytes) SELECT ", r_id!("c2", "c1"), ", c2::date, c3::bigint FROM r ORDER BY place"),
        from_fleet: "SELECT k.id::text, n.n::text, k.bytes::text, encode(r.gzip, 'hex'), r.json FROM n JOIN kept k ON k.r_id = n.r_id \
            JOIN report r ON r.day = $1::text::date AND r.r_id = n.r_id ORDER BY k.id",
        is_by_day: true,
        into_file: "INSERT INTO tlsrptd_kept_reports(id, r_id, bytes, contents) \
            VALUES(CAST(?1 AS INTEGER), CAST(?2 AS INTEGER), CAST(?3 AS INTEGER), coalesce(?4, ?5))",
        octets: &[3],
    },
    MovedTable {
        name: "delivery",
        from_file: "SELECT d.d_r_id, r.day, d.destination, coalesce(r.domain, ''), coalesce(d.tlsrptd_origin, 'record'), d.tlsrptd_queue, \
            coalesce(d.nexttry, d.its, r.its), d.tlsrptd_first, d.tlsrptd_dated, coalesce(d.retries, 0), d.status, d.tlsrptd_reason \
            FROM destinations d JOIN reports r ON r.r_id = d.d_r_id WHERE r.day GLOB '????-??-??' ORDER BY d.d_r_id",
        width: 12,
        added: &[Added::Hash(2), Added::Queue { uri: 2, known: 5 }, Added::DeliveryShard { uri: 2, domain: 3 }],
        into_fleet: concat!("delivery(r_id, day, uri, origin, due, first, dated, failures, status, reason, uri_hash, queue, shard) \
            SELECT ", r_id!("c2", "c1"), ", c2::date, c3, c5, c7::timestamptz, c8::timestamptz, c9::timestamptz, c10::int, c11, c12, \
            c13::uuid, c14, c15::smallint FROM r"),
        from_fleet: concat!("SELECT d.uri, n.n::text, d.failures::text, d.status, ", instant!("d.due"), ", \
            CASE WHEN d.status IS NULL THEN to_char(r.created, 'YYYY-MM-DD HH24:MI:SS') END, d.origin, \
            CASE WHEN d.status IS NULL THEN d.queue END, ", instant!("d.first"), ", ", instant!("d.dated"), ", d.reason \
            FROM n JOIN delivery d ON d.day = $1::text::date AND d.r_id = n.r_id \
            JOIN report r ON r.day = $1::text::date AND r.r_id = n.r_id ORDER BY n.n"),
        is_by_day: true,
        into_file: "INSERT INTO destinations(destination, d_r_id, retries, status, nexttry, its, tlsrptd_origin, tlsrptd_queue, \
            tlsrptd_first, tlsrptd_dated, tlsrptd_reason) \
            VALUES(?1, CAST(?2 AS INTEGER), CAST(?3 AS INTEGER), ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        octets: &[],
    },
    MovedTable {
        name: "named",
        from_file: "SELECT day, coalesce(name, ''), coalesce(domains, 0), owners, coalesce(sessions, 0), coalesce(deliveries, 0), \
            coalesce(left_out, 0), suspect FROM tlsrptd_named WHERE day GLOB '????-??-??'",
        width: 8, added: &[],
        into_fleet: "named(day, name, member, domains, owners, sessions, deliveries, left_out, suspect) \
            SELECT c1::date, c2, 0, c3::bigint, decode(coalesce(c4, ''), 'hex'), c5::bigint, c6::bigint, c7::bigint, c8::date FROM r",
        from_fleet: "SELECT day::text, name, domains::text, encode(owners, 'hex'), sessions::text, deliveries::text, left_out::text, \
            suspect::text FROM named WHERE member = 0",
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_named(day, name, domains, owners, sessions, deliveries, left_out, suspect) \
            VALUES(?1, ?2, CAST(?3 AS INTEGER), ?4, CAST(?5 AS INTEGER), CAST(?6 AS INTEGER), CAST(?7 AS INTEGER), ?8)",
        octets: &[3],
    },
    MovedTable {
        name: "mails",
        from_file: "SELECT day, domain, mails, reported, failed FROM tlsrptd_mails WHERE day GLOB '????-??-??'",
        width: 5, added: &[],
        into_fleet: "mails(day, domain, member, mails, reported, failed) \
            SELECT c1::date, coalesce(c2, ''), 0, c3::bigint, c4::date, c5 <> '0' FROM r",
        from_fleet: "SELECT day::text, domain, least(sum(mails), 9223372036854775807)::bigint::text, max(reported)::text, \
            CASE WHEN bool_or(failed) THEN '1' WHEN bool_or(failed) IS NOT NULL THEN '0' END FROM mails GROUP BY day, domain",
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_mails(day, domain, mails, reported, failed) \
            VALUES(?1, ?2, CAST(?3 AS INTEGER), ?4, CAST(?5 AS INTEGER))",
        octets: &[],
    },
    MovedTable {
        name: "suppressed",
        from_file: "SELECT target, domain, until, reason, since, by, coalesce(times, 0) FROM tlsrptd_suppressed",
        width: 7, added: &[Added::Hash(0)],
        into_fleet: "suppressed(target, domain, until, reason, since, by, times, target_hash) \
            SELECT c1, coalesce(c2, ''), c3::date, c4, c5::date, c6, c7::bigint, c8::uuid FROM r",
        from_fleet: "SELECT target, domain, until::text, reason, since::text, by, times::text FROM suppressed",
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_suppressed(target, domain, until, reason, since, by, times) \
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, CAST(?7 AS INTEGER))",
        octets: &[],
    },
    MovedTable {
        name: "refusal",
        from_file: "SELECT target, domain, days, last, times, taken FROM tlsrptd_refusals",
        width: 6, added: &[Added::Hash(0)],
        into_fleet: "refusal(target, domain, days, last, times, taken, target_hash) \
            SELECT c1, coalesce(c2, ''), c3::bigint, c4::date, c5::bigint, c6, c7::uuid FROM r",
        from_fleet: "SELECT target, domain, days::text, last::text, times::text, taken FROM refusal",
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_refusals(target, domain, days, last, times, taken) \
            VALUES(?1, ?2, CAST(?3 AS INTEGER), ?4, CAST(?5 AS INTEGER), ?6)",
        octets: &[],
    },
    MovedTable {
        name: "request",
        from_file: "SELECT q.kind, q.day, q.domain, r.r_id, q.destination, coalesce(q.origin, 'operator'), q.asked, q.by, q.state, q.answer, \
            coalesce(q.failures, 0), q.seconds, q.nexttry, q.first, q.dated, q.ended, q.id \
            FROM tlsrptd_requests q LEFT JOIN reports r ON r.r_id = q.r_id AND r.day = q.day AND r.domain = q.domain ORDER BY q.id",
        width: 17, added: &[Added::DeliveryShard { uri: 4, domain: 2 }],
        into_fleet: concat!("request(kind, day, domain, r_id, destination, origin, asked, asker, state, answer, failures, seconds, due, first, \
            dated, ended, id, shard) OVERRIDING SYSTEM VALUE SELECT c1, c2::date, c3, ", r_id!("c2", "c4"), ", c5, c6, c7::timestamptz, coalesce(c8, ''), c9, c10, c11::int, \
            c12::float8, c13::timestamptz, c14::timestamptz, c15::timestamptz, c16::timestamptz, c17::bigint, c18::smallint FROM r"),
        from_fleet: concat!("SELECT id::text, kind, day::text, domain, CASE WHEN r_id IS NOT NULL THEN \
            (SELECT count(*) FROM report p WHERE (p.day, p.r_id) <= (q.day, q.r_id))::text END, destination, origin, ",
            instant!("asked"), ", asker, state, answer, failures::text, seconds::text, ", instant!("due"), ", ", instant!("first"), ", ",
            instant!("dated"), ", ", instant!("ended"), " FROM request q ORDER BY id"),
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_requests(id, kind, day, domain, r_id, destination, origin, asked, by, state, answer, failures, \
            seconds, nexttry, first, dated, ended) VALUES(CAST(?1 AS INTEGER), ?2, ?3, ?4, CAST(?5 AS INTEGER), ?6, ?7, ?8, ?9, ?10, ?11, \
            CAST(?12 AS INTEGER), CAST(?13 AS REAL), ?14, ?15, ?16, ?17)",
        octets: &[],
    },
    MovedTable {
        name: "bounce",
        from_file: "SELECT b.tag, b.kind, b.blame, b.text, b.came, b.applied, b.result, r.day, r.r_id, b.destination \
            FROM tlsrptd_bounces b LEFT JOIN reports r ON r.r_id = b.r_id AND r.day GLOB '????-??-??' ORDER BY b.id",
        width: 10, added: &[],
        into_fleet: concat!("bounce(tag, kind, blame, text, came, applied, result, day, r_id, destination) \
            SELECT c1, c2, coalesce(c3, ''), coalesce(c4, ''), c5::timestamptz, c6::timestamptz, c7, c8::date, ", r_id!("c8", "c9"), ", c10 \
            FROM r ORDER BY place"),
        from_fleet: concat!("SELECT id::text, tag, kind, blame, text, ", instant!("came"), ", ", instant!("applied"), ", result, \
            CASE WHEN r_id IS NOT NULL THEN (SELECT count(*) FROM report p WHERE (p.day, p.r_id) <= (b.day, b.r_id))::text END, destination \
            FROM bounce b ORDER BY id"),
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_bounces(id, tag, kind, blame, text, came, applied, result, r_id, destination) \
            VALUES(CAST(?1 AS INTEGER), ?2, ?3, ?4, ?5, ?6, ?7, ?8, CAST(?9 AS INTEGER), ?10)",
        octets: &[],
    },
    MovedTable {
        name: "history_day",
        from_file: "SELECT day, domains, sessions, failed, reports, without, deliveries FROM tlsrptd_history_days WHERE day GLOB '????-??-??'",
        width: 7, added: &[],
        into_fleet: "history_day(day, member, domains, sessions, failed, reports, without, deliveries) \
            SELECT c1::date, 0, c2::bigint, c3::bigint, c4::bigint, c5::bigint, c6::bigint, c7::bigint FROM r",
        from_fleet: "SELECT day::text, sum(domains)::text, least(sum(sessions), 9223372036854775807)::text, \
            least(sum(failed), 9223372036854775807)::text, sum(reports)::text, sum(without)::text, sum(deliveries)::text \
            FROM history_day GROUP BY day",
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_history_days(day, domains, sessions, failed, reports, without, deliveries) \
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        octets: &[],
    },
    MovedTable {
        name: "history_total",
        from_file: "SELECT day, kind, name, number, failed FROM tlsrptd_history_totals WHERE day GLOB '????-??-??'",
        width: 5, added: &[],
        into_fleet: "history_total(day, kind, name, member, number, failed) SELECT c1::date, c2, c3, 0, c4::bigint, c5::bigint FROM r",
        from_fleet: "SELECT day::text, kind, name, least(sum(number), 9223372036854775807)::text, \
            least(sum(failed), 9223372036854775807)::text FROM history_total GROUP BY day, kind, name \
            UNION ALL SELECT '', kind, name, number::text, failed::text FROM history_forgotten",
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_history_totals(day, kind, name, number, failed) VALUES(?1, ?2, ?3, ?4, ?5)",
        octets: &[],
    },
    MovedTable {
        name: "history_forgotten",
        from_file: "SELECT kind, name, number, failed FROM tlsrptd_history_totals WHERE day = ''",
        width: 4, added: &[],
        into_fleet: "history_forgotten(kind, name, number, failed) SELECT c1, c2, c3::bigint, c4::bigint FROM r",
        from_fleet: "", is_by_day: false, into_file: "", octets: &[],
    },
    MovedTable {
        name: "failure",
        from_file: "SELECT id, coalesce(domain, ''), coalesce(mx, ''), coalesce(address, ''), coalesce(policy, ''), coalesce(result, ''), \
            coalesce(reason, ''), first, last FROM tlsrptd_failures",
        width: 9, added: &[],
        into_fleet: "failure(id, domain, mx, address, policy, result, reason, first, last) \
            SELECT c1::bigint, c2, c3, c4, c5, c6, c7, c8::date, c9::date FROM r",
        from_fleet: "SELECT id::text, domain, mx, address, policy, result, reason, first::text, last::text FROM failure",
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_failures(id, domain, mx, address, policy, result, reason, first, last) \
            VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        octets: &[],
    },
    MovedTable {
        name: "failing",
        from_file: "SELECT h.day, h.failure, h.sessions, coalesce(f.domain, '') FROM tlsrptd_history_failing h \
            LEFT JOIN tlsrptd_failures f ON f.id = h.failure WHERE h.day GLOB '????-??-??'",
        width: 4, added: &[Added::Shard(3)],
        into_fleet: "failing(day, failure, sessions, shard) SELECT c1::date, c2::bigint, c3::bigint, \
            CASE c2 WHEN '0' THEN 0 ELSE c5::smallint END FROM r",
        from_fleet: "SELECT day::text, failure::text, least(sum(sessions), 9223372036854775807)::text FROM failing GROUP BY day, failure",
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_history_failing(day, failure, sessions) VALUES(?1, ?2, ?3)",
        octets: &[],
    },
    MovedTable {
        name: "digest",
        from_file: "SELECT last, days, made, nexttry, status, coalesce(failures, 0), reason, subject, body, csv FROM tlsrptd_digests",
        width: 10, added: &[],
        into_fleet: "digest(last, days, made, due, status, failures, reason, subject, body, csv) \
            SELECT c1::date, c2::int, c3::timestamptz, coalesce(c4, c3)::timestamptz, c5, c6::int, c7, c8, c9, c10 FROM r",
        from_fleet: concat!("SELECT last::text, days::text, ", instant!("made"), ", ", instant!("due"), ", status, failures::text, reason, \
            subject, body, csv FROM digest"),
        is_by_day: false,
        into_file: "INSERT INTO tlsrptd_digests(last, days, made, nexttry, status, failures, reason, subject, body, csv) \
            VALUES(?1, CAST(?2 AS INTEGER), ?3, ?4, ?5, CAST(?6 AS INTEGER), ?7, ?8, ?9, ?10)",
        octets: &[],
    },
    MovedTable {
        name: "clock",
        from_file: "SELECT at FROM tlsrptd_clock ORDER BY id LIMIT 1",
        width: 1, added: &[],
        into_fleet: "clock(one, at) SELECT true, c1::timestamptz FROM r",
        from_fleet: concat!("SELECT ", instant!("at"), " FROM clock"),
        is_by_day: false,
        into_file: "INSERT OR REPLACE INTO tlsrptd_clock(id, at) VALUES(1, ?1)",
        octets: &[],
    },
];
