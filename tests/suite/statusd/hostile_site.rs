//! A site whose correspondents write what they can: MX host names, addresses, EHLO names, reasons, answers to reports.

use std::{fs, path::PathBuf};

use serde_json::json;
use tlsrptd_tests::harness::{
    lab::Lab,
    mta, past,
    program::{Program, Running},
    smtp::{Act, Stage},
    statusd::{HttpAnswer, Statusd},
};

/// What they write, as it is; each comes in several clothes.
const WRITTEN: [&str; 50] = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"><svg onload=alert(1)>",
    "' onmouseover='alert(1)",
    "\" style=\"position:fixed;inset:0;background:red\" x=\"",
    "</title><script>alert(1)</script>",
    "</style><style>*{display:none}",
    "</textarea></select></noscript><script>alert(1)</script>",
    "<!-- --!> <![CDATA[x]]> <?php echo 1 ?>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content=0;url=https://evil.example/>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<form action=https://evil.example/><input name=x>",
    "<a href=javascript:alert(1)>x</a>",
    "<svg><use href=https://evil.example/x#y></svg>",
    "<math><mtext><script>alert(1)</script>",
    "&lt;script&gt; &#60;b&#62; &amp;amp; &",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "background:url(https://evil.example/x)",
    "expression(alert(1)); @import 'https://evil.example/'",
    "{{7*7}} ${7*7} #{7*7} <%= 7*7 %>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "\\u003cscript\\u003ealert(1)",
    "\u{202e}gpj.exe\u{2069} \u{2066}left\u{2069}",
    "zero\u{200b}width\u{feff}\u{ad}joined\u{200d}",
    "\u{e0041}\u{e0042} tags, \u{3164} fillers",
    "line\u{2028}separator\u{2029}paragraph",
    "\x1b[31mred\x1b[0m \x07 \x7f",
    "tab\tnew\nline\r\nSet-Cookie: x=1",
    "nul\0byte",
    "Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}a\u{489}lgo",
    "😀👩\u{200d}👩\u{200d}👧🏳\u{fe0f}\u{200d}🌈",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{645}\u{631}\u{62d}\u{628}\u{627} abc 123",
    "漢字 カタカナ ไทย हिन्दी",
    "ｓｃｒｉｐｔ ＜ｘ＞",
    "ﷺ﷽",
    "../../../../etc/passwd",
    "//evil.example/x",
    "/domain/..%2f..%2fapi",
    "?days=400&x=<b>#y",
    "'; DROP TABLE reports; --",
    "$(reboot) `reboot` ; reboot | reboot",
    "%s%s%s%n %x",
    "NaN Infinity -0 1e999",
    "{\"severity\": \"ok\"}",
    "\"quoted\" \\ back\\slash",
    "null undefined true",
    "   ",
];
const CLOTHES: usize = 6;

/// All of them: 300.
pub(super) fn texts() -> Vec<String> {
    let clothed = |written: &str| -> [String; CLOTHES] {
        [
            written.to_owned(),
            format!("\"'>{written}"),
            format!("</bdi></a></td>{written}<bdi>"),
            format!("\u{202e}{written}"),
            written.chars().cycle().take(255).collect(),
            format!("mx.{written}.example"),
        ]
    };
    WRITTEN
        .iter()
        .flat_map(|written| clothed(written))
        .collect()
}

/// The domain of a text.
pub(super) fn domain(text: usize) -> String {
    format!("d{text:03}.example")
}

/// The site, at work.
pub(super) struct HostileSite {
    pub(super) statusd: Statusd,
    _daemons: [Running; 2],
    _lab: Lab,
}

impl HostileSite {
    /// Each text is what one domain's host is called, what its TLS failed with, and what its mailbox answers to a report.
    pub(super) fn new(texts: &[String]) -> HostileSite {
        let lab = Lab::new();
        let record = |domain: &str| format!("v=TLSRPTv1; rua=mailto:tlsrpt@{domain}");
        let mut datagrams = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            let domain = domain(at);
            lab.dns.tlsrpt(&domain, &record(&domain));
            // Every fifth mailbox takes its report.
            if at % 5 > 0 {
                let code = if at % 2 == 0 {
                    "550 5.1.1"
                } else {
                    "452 4.2.2"
                };
                let reply: String = format!("{code} {text}")
                    .replace(['\r', '\n'], " ")
                    .chars()
                    .take(400)
                    .collect();
                lab.smtp
                    .script_for(&format!("tlsrpt@{domain}"), Stage::Rcpt, Act::reply(&reply));
            }
            // Failures of all result types, and more sessions for some.
            for _ in 0..=at % 3 {
                datagrams.push(failed(&domain, &record(&domain), text, at));
            }
        }
        lab.collect(&datagrams);
        let collectd = lab.start_ready(&observed(lab.collectd(), "collectd.observe", &lab));
        let fetcher = observed(lab.fetcher(), "collectd.observe", &lab).command_line();
        let reportd = observed(lab.reportd(), "reportd.observe", &lab)
            .set("organization_name", "Sender <b>\"Example\"")
            .set("fetchers", fetcher);
        let reporter = reportd.start();
        let ended = "SELECT count(*) = 0 FROM destinations WHERE status IS NULL AND retries = 0 AND tlsrptd_reason IS NULL";
        let decided = "SELECT count(*) > 0 AND count(*) = count(status) FROM fetchjobs";
        lab.wait_for_query(&lab.reportd_db(), decided, "1");
        lab.wait_for_query(&lab.reportd_db(), ended, "1");
        past::make_up(&lab.reportd_db(), 45);
        HostileSite {
            statusd: Statusd::start(&lab.statusd(&reportd)),
            _daemons: [collectd, reporter],
            _lab: lab,
        }
    }

    /// A page.
    pub(super) fn get(&self, path: &str) -> HttpAnswer {
        self.statusd.get(path)
    }

    /// A folder for pictures of this test, which outlives it.
    pub(super) fn pictures() -> Option<PathBuf> {
        let folder = std::env::var_os("TLSRPTD_PICTURES").map(PathBuf::from)?;
        fs::create_dir_all(&folder).unwrap();
        Some(folder)
    }
}

fn observed(program: Program, name: &str, lab: &Lab) -> Program {
    program.set("observation_socket", lab.file(name).display())
}

fn failed(domain: &str, record: &str, text: &str, at: usize) -> Vec<u8> {
    const CODES: [i64; 11] = [201, 202, 203, 204, 205, 301, 302, 303, 304, 305, 306];
    const POLICIES: [i64; 3] = [1, 2, 9];
    let mut policy = mta::policy(POLICIES[at % 3], domain, &[CODES[at % 11]]);
    policy["failure-details"] = json!([
        {"c": CODES[at % 11], "s": "192.0.2.1", "n": text, "r": "192.0.2.25", "h": text, "a": text, "f": text},
    ]);
    policy["policy-string"] = json!([text]);
    policy["mx-host"] = json!([text]);
    mta::made(domain, record, vec![policy])
}
