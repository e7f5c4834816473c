"""The examples do what they say."""

import pytest

pytest.register_assert_rewrite("tests.examples.cases")
