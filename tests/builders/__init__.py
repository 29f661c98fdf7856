"""Plans, acts and records for tests, each valid as it is; a test says only what it is about."""

import pytest

pytest.register_assert_rewrite("tests.builders.measures")  # so that a difference of measures is shown
