"""`python -m harness.locust …`: the `locust` command with our options, which records the users of any locustfile."""

from __future__ import annotations

from locust.main import main

import harness.locust.travel  # noqa: F401  # adds the options, and what records

if __name__ == "__main__":
    main()  # type: ignore[no-untyped-call]
