"""Reads a mail from standard input with Python's own email and csv, and prints what it finds as JSON."""

import csv
import email
import email.policy
import io
import json
import sys


def main():
    mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
    parts = [part for part in mail.walk() if not part.is_multipart()]
    tables = [part for part in parts if part.get_content_type() == "text/csv"]
    rows = []
    if tables:
        text = tables[0].get_content()
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    print(
        json.dumps(
            {
                "headers": {name.lower(): str(value) for name, value in mail.items()},
                "text": parts[0].get_content(),
                "types": [part.get_content_type() for part in parts],
                "file": tables[0].get_filename() if tables else None,
                "rows": rows,
                "defects": [repr(defect) for part in mail.walk() for defect in part.defects],
            }
        )
    )


main()
