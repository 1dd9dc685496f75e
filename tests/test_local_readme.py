"""local_azure/README.md names a test for each claim: those tests exist."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
README = TESTS.parent / "local_azure" / "README.md"


def test_every_test_that_the_readme_names_exists():
    named = set(re.findall(r"`(test_\w+)`", README.read_text("utf-8")))
    tests = "".join(file.read_text("utf-8") for file in TESTS.glob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)", tests))
    assert len(named) > 30
    assert named - there == set()
