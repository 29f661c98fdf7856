"""Print the JSON Schema of `verdict.json`: `python -m harness.report.document > docs/verdict.schema.json`."""

from __future__ import annotations

import json
import sys

from harness.report.document import json_schema

if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
