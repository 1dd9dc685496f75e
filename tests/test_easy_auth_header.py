"""easy_auth.claims where a bound cannot be seen over HTTP: the server refuses larger headers by itself."""

import base64
import json

import pytest

from aad_func import easy_auth
from common.problems import Problem


def header(claims: int) -> str:
    entries = [{"typ": "groups", "val": "x" * 100} for _ in range(claims)]
    return base64.b64encode(json.dumps({"auth_typ": "aad", "claims": entries}).encode()).decode()


def test_a_principal_is_read_up_to_64_ki_characters_and_no_further():
    assert len(header(300)) < easy_auth.MAX_HEADER_CHARS < len(header(400))
    assert "groups" in easy_auth.claims(header(300))
    with pytest.raises(Problem, match="missing_principal"):
        easy_auth.claims(header(400))
