//! What a reporter has before it: collectors that answer as the test says, and programs that take what it delivers.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tlsrptd_tests::harness::program::{Program, Running};
use tlsrptd_tests::harness::wait::until;

use super::scene::Scene;

/// A domain's day as a fetcher gives it: the domain, and its records with their policies.
pub(super) type Day = (String, Value);

/// A domain with one successful session and this record.
pub(super) fn session(domain: &str, record: &str) -> Day {
    let policy = json!({"policy-type": 9, "policy-domain": domain});
    policy_of(
        domain,
        record,
        &policy,
        json!({"cntrtotal": 1, "cntrfailure": 0, "failures": {}}),
    )
}

/// A domain with one policy and its counts.
pub(super) fn policy_of(domain: &str, record: &str, policy: &Value, counts: Value) -> Day {
    // As Python writes it, for a policy without arrays in arrays.
    let key = policy
        .to_string()
        .replace("\":", "\": ")
        .replace(",\"", ", \"");
    (domain.to_owned(), json!({ record: { key: counts } }))
}

impl Scene {
    /// `tlsrpt-reportd` on a collector with these domains. Its mails are kept as `mails/*.whole`, its posts as
    /// `posts/*.whole`; deliveries are due at once.
    pub(super) fn reporter(&self, days: &[Day]) -> Program {
        let reporter = self
            .program("tlsrpt-reportd")
            .set("dbname", self.file("r.sqlite").display())
            .set("fetchers", self.fetcher("collector", days))
            .set("organization_name", "Sender Example")
            .set("contact_info", "tlsrpt@sender.example")
            .set("sender_address", "noreply@sender.example")
            .set(
                "sendmail_script",
                format!("sh {}", self.keeper("mails").display()),
            )
            .set(
                "http_script",
                format!("sh {}", self.keeper("posts").display()),
            )
            .set("spread_out_delivery", 1)
            .set("interval_main_loop", 1)
            .set("log_level", "info");
        if self.subject.is_ours() {
            // There is no DNS here: both take the record that the MTA saw.
            reporter.arg("--resolve_records=no").arg("--loop_guard=no")
        } else {
            reporter
        }
    }

    /// The command of a fetcher that answers for these domains.
    pub(super) fn fetcher(&self, name: &str, days: &[Day]) -> String {
        let folder = self.file(name);
        fs::create_dir_all(&folder).unwrap();
        let names: String = days
            .iter()
            .map(|(domain, _)| format!("{domain}\n"))
            .collect();
        fs::write(folder.join("list"), names).unwrap();
        for (domain, policies) in days {
            fs::write(
                folder.join(format!("of-{domain}")),
                json!({"d": domain, "policies": policies}).to_string(),
            )
            .unwrap();
        }
        let text = format!(
            "cd {}\nif [ -z \"$2\" ]; then\n  echo 'TLSRPT FETCHER v1devel-c domain list'; date -u '+%F %T'; date -u -d yesterday +%F\n  \
             [ $1 != $(date -u -d yesterday +%F) ] || cat list\n  echo .\nelif [ -e \"of-$2\" ]; then cat \"of-$2\"\nelse echo \"{{\\\"d\\\": \\\"$2\\\", \\\"policies\\\": {{}}}}\"\nfi\n",
            folder.display()
        );
        format!("sh {}", self.write(&format!("{name}.sh"), text))
    }

    /// A script that keeps what it gets, and its last argument, in a folder.
    fn keeper(&self, name: &str) -> PathBuf {
        let folder = self.file(name);
        fs::create_dir_all(&folder).unwrap();
        // Renamed when whole, so that no test reads half of it.
        let text = format!(
            "f=$(mktemp {}/XXXXXXXX) && cat >$f && echo \"$*\" >$f.words && mv $f $f.whole\n",
            folder.display()
        );
        self.write(&format!("{name}.sh"), text);
        self.file(&format!("{name}.sh"))
    }

    /// Makes all that a reporter's database holds a day older, as if it had been made yesterday.
    pub(super) fn a_day_passes(&self) {
        let change = rusqlite::Connection::open(self.file("r.sqlite")).unwrap();
        change
            .execute_batch("DELETE FROM fetchjobs WHERE day < date('now', '-1 day')")
            .unwrap();
        let own: &[&str] = if self.subject.is_ours() {
            &["tlsrptd_mails", "tlsrptd_decided"]
        } else {
            &[]
        };
        if self.subject.is_ours() {
            let reported = "UPDATE tlsrptd_mails SET reported = date(reported, '-1 day')";
            change.execute_batch(reported).unwrap();
        }
        for table in ["fetchjobs", "reportdata", "reports"].iter().chain(own) {
            change
                .execute_batch(&format!("UPDATE {table} SET day = date(day, '-1 day')"))
                .unwrap();
        }
    }

    /// What a keeper has, in no order, each with its arguments.
    pub(super) fn kept(&self, name: &str) -> Vec<(Vec<u8>, String)> {
        let files = fs::read_dir(self.file(name))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let whole = files.filter(|path| path.extension().is_some_and(|kind| kind == "whole"));
        whole
            .map(|path| {
                (
                    fs::read(&path).unwrap(),
                    fs::read_to_string(path.with_extension("words")).unwrap(),
                )
            })
            .collect()
    }

    /// Lets a reporter work until its collectors have answered, it has reports on so many domains, and nothing is pending.
    pub(super) fn report(&self, reporter: &Program, domains: usize) -> Running {
        let running = reporter.start();
        self.settled(domains);
        running
    }

    fn settled(&self, domains: usize) {
        until("reports and their deliveries", || {
            self.is_settled(domains).then_some(())
        });
    }

    /// Whether nothing is left to do, and there are reports on so many domains.
    pub(super) fn is_settled(&self, domains: usize) -> bool {
        let sql = format!(
            "SELECT (SELECT count(DISTINCT domain) FROM reports) = {domains} AND (SELECT count(*) FROM destinations WHERE status IS NULL) = 0
             AND (SELECT count(*) FROM fetchjobs WHERE status IS NULL) = 0"
        );
        self.rows_or_none("r.sqlite", &sql)
            .is_some_and(|settled| settled == "1")
    }

    /// The destinations of a domain's report, each with its status, sorted; `none`.
    pub(super) fn destinations(&self, domain: &str) -> String {
        let sql = format!(
            "SELECT destination || ' ' || coalesce(status, 'pending') FROM destinations JOIN reports ON d_r_id = r_id
             WHERE domain = '{domain}' ORDER BY 1"
        );
        let rows = self.rows("r.sqlite", &sql);
        if rows.is_empty() {
            "none".to_owned()
        } else {
            rows
        }
    }
}
