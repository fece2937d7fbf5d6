"""What parsedmarc reads in report mails, or in posted reports.

Usage: parse_reports.py FOLDER, one mail or one gzip report a file. Prints {DOMAIN: [POLICY...]}, sorted.
The domain of a report is that of its report-id, which is not used for anything else.
"""

import email
import gzip
import json
import pathlib
import sys

import parsedmarc

GZIP = b"\x1f\x8b"


def main(folder):
    domains = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        data = path.read_bytes()
        parsed = parse(data)
        domain = parsed["report_id"].split("_", 2)[2]
        if domain in domains:
            sys.exit(f"two reports about {domain}")
        domains[domain] = normalised(parsed, attached(data))
    print(json.dumps(domains, sort_keys=True))


def parse(data):
    if data.startswith(GZIP):
        return parsedmarc.parse_smtp_tls_report_json(gzip.decompress(data))
    result = parsedmarc.parse_report_email(data, offline=True, always_use_local_files=True)
    if result["report_type"] != "smtp_tls":
        sys.exit(f"parsedmarc takes a report for {result['report_type']}")
    return result["report"]


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
    return sorted(policies, key=canonical)


def canonical(value):
    return json.dumps(value, sort_keys=True)


main(sys.argv[1])
