"""What dkimpy says of each DKIM signature of mails.

Usage: verify_dkim.py FOLDER < RECORDS, one mail a file, RECORDS a JSON object {NAME: TXT}. Prints a JSON list a mail
with one verdict a signature, by its index: "ok rsa-sha256", or why not. tlsrpt="strict" asks for a key record
with s=tlsrpt (RFC 8460 section 3).
"""

import json
import pathlib
import sys

import dkim


def main(folder):
    records = {name.lower().rstrip("."): text for name, text in json.load(sys.stdin).items()}

    def txt(name, timeout=5):
        return records.get(name.decode().lower().rstrip("."), "").encode() or None

    mails = [path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir())]
    print(json.dumps([[verdict(mail, index, txt) for index in range(signatures(mail))] for mail in mails]))


def signatures(mail):
    return sum(1 for name, _ in dkim.DKIM(mail).headers if name.lower() == b"dkim-signature")


def verdict(mail, index, txt):
    verifier = dkim.DKIM(mail, tlsrpt="strict")
    try:
        if not verifier.verify(idx=index, dnsfunc=txt):
            return "the signature does not verify"
    except dkim.DKIMException as error:
        return str(error)
    return "ok " + verifier.signature_fields[b"a"].decode()


main(sys.argv[1])
