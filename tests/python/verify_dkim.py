"""What dkimpy says of each DKIM signature of a mail.

Usage: verify_dkim.py FOLDER < RECORDS, one mail in the folder, RECORDS a JSON object {NAME: TXT}. Prints a JSON list
with one verdict a signature, by its index: "ok rsa-sha256", or why not. tlsrpt="strict" asks for a key record
with s=tlsrpt (RFC 8460 section 3).
"""

import json
import pathlib
import sys

import dkim


def main(folder):
    records = {name.lower().rstrip("."): text for name, text in json.load(sys.stdin).items()}
    [path] = pathlib.Path(folder).iterdir()
    mail = path.read_bytes()

    def txt(name, timeout=5):
        return records.get(name.decode().lower().rstrip("."), "").encode() or None

    signatures = dkim.DKIM(mail, tlsrpt="strict")
    count = sum(1 for name, _ in signatures.headers if name.lower() == b"dkim-signature")
    print(json.dumps([verdict(mail, index, txt) for index in range(count)]))


def verdict(mail, index, txt):
    verifier = dkim.DKIM(mail, tlsrpt="strict")
    try:
        if not verifier.verify(idx=index, dnsfunc=txt):
            return "the signature does not verify"
    except dkim.DKIMException as error:
        return str(error)
    return "ok " + verifier.signature_fields[b"a"].decode()


main(sys.argv[1])
