"""A limit of parse_client_principal that cannot be tested over HTTP, because the server rejects larger headers."""

import base64
import json

import pytest

from aad_func import easy_auth
from common.problems import Problem


def header(claims: int) -> str:
    entries = [{"typ": "groups", "val": "x" * 100} for _ in range(claims)]
    return base64.b64encode(json.dumps({"auth_typ": "aad", "claims": entries}).encode()).decode()


def test_principal_larger_than_64_ki_characters_is_rejected():
    assert len(header(300)) < easy_auth.MAX_HEADER_CHARS < len(header(400))
    assert "groups" in easy_auth.parse_client_principal(header(300))
    with pytest.raises(Problem, match="missing_principal"):
        easy_auth.parse_client_principal(header(400))
