//! Collectors that are shell scripts: they answer as a test needs it.

use std::fs;

use tlsrptd_tests::harness::lab::Lab;

/// What a script may use: `$day`, `$what` (`.`, nothing or a domain), `$now`; `stream [NEWEST]` and `list [NEWEST]` for
/// the first three lines, `counts DOMAIN SESSIONS` for a line of a stream, `attempt` to have the number of this attempt
/// in `$n`. Days other than the closed one are empty.
const PRELUDE: &str = r#"
day=$1 what=$2 now=$(date -u '+%Y-%m-%d %H:%M:%S')
stream() { printf 'TLSRPTD FETCHER v1 day stream\n%s\n%s\n' "$now" "${1:-$closed}"; }
list() { printf 'TLSRPT FETCHER v1devel-c domain list\n%s\n%s\n' "$now" "${1:-$closed}"; }
counts() {
    printf '{"d": "%s", "policies": {"": {"{\\"policy-type\\": 9, \\"policy-domain\\": \\"%s\\"}": ' "$1" "$1"
    printf '{"cntrtotal": %d, "cntrfailure": 0, "failures": {}}}}}\n' "$2"
}
attempt() { n=$(($(cat "$0.attempts" 2>/dev/null || echo 0) + 1)); echo $n >"$0.attempts"; }
[ "$day" = "$closed" ] || { stream; echo '. 0'; exit 0; }
"#;

/// What stands in `fetchers` for a script of that name.
pub(super) fn script(lab: &Lab, name: &str, body: &str) -> String {
    let path = lab.file(&format!("{name}.sh"));
    let text = format!("closed={}\n{PRELUDE}\n{body}\n", lab.day());
    fs::write(&path, text).unwrap();
    // Read by a shell, not run itself: a file that is run must not be open for writing anywhere, and another test may
    // be starting a program just now.
    format!("/bin/sh {}", path.display())
}
