"""Print a JSON Schema: `python -m harness.report.document > docs/verdict.schema.json`, or with `fleet` that of `fleet.json`."""

from __future__ import annotations

import json
import sys

from harness.report.document import json_schema
from harness.report.document.fleet import fleet_schema

if __name__ == "__main__":
    schema = fleet_schema() if sys.argv[1:] == ["fleet"] else json_schema()
    sys.stdout.write(json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
