"""What a reader of reports finds in report mails, or in posted reports.

Usage: parse_reports.py FOLDER < READER, one mail or one gzip report a file, READER a JSON text: "parsedmarc" or
"email-report-checker". Prints a JSON list of reports in parsedmarc's form, policies and failures sorted.
"""

import email
import gzip
import json
import pathlib
import sys

import email_report_checker.tls
import parsedmarc

GZIP = b"\x1f\x8b"


def main(folder):
    read = {"parsedmarc": by_parsedmarc, "email-report-checker": by_checker}[json.load(sys.stdin)]
    print(json.dumps([read(path.read_bytes()) for path in sorted(pathlib.Path(folder).iterdir())], sort_keys=True))


def by_parsedmarc(data):
    if data.startswith(GZIP):
        return normalised(parsedmarc.parse_smtp_tls_report_json(gzip.decompress(data)), attached(data))
    result = parsedmarc.parse_report_email(data, offline=True, always_use_local_files=True)
    if result["report_type"] != "smtp_tls":
        sys.exit(f"parsedmarc takes a report for {result['report_type']}")
    return normalised(result["report"], attached(data))


def by_checker(data):
    """It hands over the JSON as it is: what is proved is that it finds the report in the mail."""
    report = email_report_checker.tls.get_tls_report(email.message_from_bytes(data))
    return normalised(parsedmarc.parse_smtp_tls_report_json(json.dumps(report)), report)


def attached(data):
    """The JSON by Python's own library, for what parsedmarc leaves out: it looks for mx-host under another name."""
    if not data.startswith(GZIP):
        parts = email.message_from_bytes(data).walk()
        data = next(part for part in parts if part.get_content_type() == "application/tlsrpt+gzip").get_payload(decode=True)
    return json.loads(gzip.decompress(data))


def normalised(parsed, raw):
    policies = []
    for policy, original in zip(parsed["policies"], raw["policies"], strict=True):
        policy = dict(policy)
        details = [dict(detail) for detail in policy.get("failure_details", [])]
        policy["failure_details"] = sorted(details, key=canonical)
        if "mx-host" in original["policy"]:
            policy["mx_host"] = original["policy"]["mx-host"]
        policies.append(policy)
    return parsed | {"policies": sorted(policies, key=canonical)}


def canonical(value):
    return json.dumps(value, sort_keys=True)


main(sys.argv[1])
