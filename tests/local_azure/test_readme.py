"""The tests that local_azure/README.md names exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
README = TESTS.parent / "local_azure" / "README.md"


def test_tests_named_in_the_readme_exist():
    named = set(re.findall(r"`(test_\w+)`", README.read_text("utf-8")))
    tests = "".join(file.read_text("utf-8") for file in TESTS.rglob("test_*.py"))
    existing = set(re.findall(r"def (test_\w+)", tests))
    assert len(named) > 30
    assert named - existing == set()
