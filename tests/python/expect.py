"""What reports have to say about recorded datagrams, computed from their bytes alone.

Usage: expect.py FOLDER, one datagram a file. Prints {DOMAIN: [POLICY...]} in the form of parse_reports.py.
It shares no code with the project: the rules are those of RFC 8460 and of libtlsrpt's protocol.
"""

import ipaddress
import json
import pathlib
import sys

POLICY_TYPES = {1: "tlsa", 2: "sts", 9: "no-policy-found"}
RESULT_TYPES = {
    201: "starttls-not-supported",
    202: "certificate-host-mismatch",
    203: "certificate-not-trusted",
    204: "certificate-expired",
    205: "validation-failure",
    301: "sts-policy-fetch-error",
    302: "sts-policy-invalid",
    303: "sts-webpki-invalid",
    304: "tlsa-invalid",
    305: "dnssec-invalid",
    306: "dane-required",
}
DETAIL_TEXTS = {
    "s": "sending_mta_ip",
    "n": "receiving_mx_hostname",
    "h": "receiving_mx_helo",
    "r": "receiving_ip",
    "a": "additional_info_uri",
    "f": "failure_reason_code",
}


def main(folder):
    domains = {}
    for path in sorted(pathlib.Path(folder).iterdir()):
        datagram = json.loads(path.read_bytes().decode("utf-8", "replace"))
        domain = name(datagram["d"])
        for session in datagram["policies"]:
            count(domains.setdefault(domain, {}), policy(session, domain), session)
    print(json.dumps({domain: finished(policies) for domain, policies in domains.items()}, sort_keys=True))


def name(text):
    return text.lower().removesuffix(".")


def policy(session, domain):
    kind = POLICY_TYPES.get(session["policy-type"], "no-policy-found")
    known = {"policy_type": kind, "policy_domain": name(session.get("policy-domain") or domain)}
    # Ours: a report leaves out what is empty.
    strings = [string for string in session.get("policy-string", []) if string]
    if kind == "tlsa":
        strings = sorted(string.upper() for string in strings)
    if strings:
        known["policy_strings"] = strings
    if kind == "sts" and session.get("mx-host"):
        known["mx_host"] = session["mx-host"]
    return known


def count(policies, known, session):
    counts = policies.setdefault(json.dumps(known), {"policy": known, "good": 0, "bad": 0, "details": {}})
    counts["bad" if session.get("f") else "good"] += 1
    for failure in session.get("failure-details", []):
        detail = json.dumps(details(failure), sort_keys=True)
        counts["details"][detail] = counts["details"].get(detail, 0) + 1


def details(failure):
    code = failure["c"]
    found = {"result_type": RESULT_TYPES.get(code, "validation-failure")}
    for key, long_name in DETAIL_TEXTS.items():
        text = failure.get(key)
        if not text:
            continue
        if key in "sr":
            text = str(ipaddress.ip_address(text))
        if key == "h":
            text = helo(text)
        found[long_name] = text
    if code not in RESULT_TYPES:
        found.setdefault("failure_reason_code", str(code))
    return found


def helo(answer):
    """The host name of the first line of an EHLO answer with its code, or a name as it is."""
    first = answer.splitlines()[0]
    if first[:3].isdigit() and first[3:4] in ("-", " "):
        first = first[4:]
    return first.split()[0]


def finished(policies):
    entries = []
    for counts in policies.values():
        found = [json.loads(detail) | {"failed_session_count": n} for detail, n in counts["details"].items()]
        entries.append(
            counts["policy"]
            | {
                "successful_session_count": counts["good"],
                "failed_session_count": counts["bad"],
                "failure_details": sorted(found, key=canonical),
            }
        )
    return sorted(entries, key=canonical)


def canonical(value):
    return json.dumps(value, sort_keys=True)


main(sys.argv[1])
