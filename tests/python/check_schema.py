"""What offends the JSON Schema of RFC 8460 section 4.4 in a report.

Usage: check_schema.py FOLDER, one report a file. Prints a JSON list of complaints.
"""

import json
import pathlib
import sys

import jsonschema


def main(folder):
    schema = json.loads((pathlib.Path(__file__).parent / "report.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    complaints = []
    for path in sorted(pathlib.Path(folder).iterdir()):
        report = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=no_twins)
        for error in validator.iter_errors(report):
            complaints.append(f"{'/'.join(map(str, error.absolute_path))}: {error.message}")
    print(json.dumps(complaints))


def no_twins(pairs):
    """I-JSON (RFC 7493 section 2.3) has no duplicate names."""
    names = [name for name, _ in pairs]
    if len(names) != len(set(names)):
        raise ValueError(f"a name stands twice among {names}")
    return dict(pairs)


main(sys.argv[1])
