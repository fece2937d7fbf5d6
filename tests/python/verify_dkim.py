"""What dkimpy says of each DKIM signature of mails.

Usage: verify_dkim.py FOLDER < INPUT, one mail a file, INPUT a JSON object {"records": {NAME: TXT}, "tlsrpt": MODE}.
Prints a JSON list a mail with one verdict a signature, by its index: "ok rsa-sha256", or why not. MODE is dkimpy's own:
false takes a mail for an ordinary one, true for a report, "strict" asks for a key record with s=tlsrpt besides
(RFC 8460 section 3).
"""

import json
import pathlib
import sys

import dkim


def main(folder):
    asked = json.load(sys.stdin)
    records = {name.lower().rstrip("."): text for name, text in asked["records"].items()}

    def txt(name, timeout=5):
        return records.get(name.decode().lower().rstrip("."), "").encode() or None

    mails = [path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())]
    print(json.dumps([[verdict(mail, index, txt, asked["tlsrpt"]) for index in range(signatures(mail))] for mail in mails]))


def signatures(mail):
    return sum(1 for name, _ in dkim.DKIM(mail).headers if name.lower() == b"dkim-signature")


def verdict(mail, index, txt, tlsrpt):
    verifier = dkim.DKIM(mail, tlsrpt=tlsrpt)
    try:
        if not verifier.verify(idx=index, dnsfunc=txt):
            return "the signature does not verify"
    except dkim.DKIMException as error:
        return str(error)
    return "ok " + verifier.signature_fields[b"a"].decode()


main(sys.argv[1])
