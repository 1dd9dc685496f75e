"""Problem responses: every code, the challenge of RFC 6750, and one log line per problem."""

import json
import logging
import re

import pytest

from common.problems import PROBLEM_TYPES, Problem, json_response, problem_response
from common.remediations import REMEDIATIONS


@pytest.mark.parametrize("code", PROBLEM_TYPES)
def test_every_code_is_a_problem_document(code):
    problem_type = PROBLEM_TYPES[code]
    response = problem_response(Problem(code, settings=["A"]))
    assert (response.status_code, response.mimetype) == (problem_type.status, "application/problem+json")
    assert response.headers["Cache-Control"] == "no-store"
    body = json.loads(response.get_body())
    assert (body["status"], body["code"], body["detail"]) == (problem_type.status, code, problem_type.description)
    assert body["settings"] == ["A"]
    challenge = response.headers.get("WWW-Authenticate")
    assert (challenge is not None) == (problem_type.status == 401 or bool(problem_type.oauth_error))
    if challenge:
        error = (
            f', error="{problem_type.oauth_error}", error_description="{problem_type.description}"'
            if problem_type.oauth_error
            else ""
        )
        assert challenge == f'Bearer realm="api"{error}'
    assert code in REMEDIATIONS


def test_detail_is_not_part_of_the_challenge():
    response = problem_response(Problem("bad_signature", 'a "quoted" detail'))
    assert "quoted" not in response.headers["WWW-Authenticate"]


def test_challenge_parameters_replace_the_defaults():
    challenge = {"realm": "tenant", "error": "insufficient_claims", "claims": "e30="}
    header = problem_response(Problem("interaction_required", challenge=challenge)).headers["WWW-Authenticate"]
    assert re.fullmatch(r'Bearer realm="tenant", error="insufficient_claims", .*, claims="e30="', header)


@pytest.mark.parametrize(("retry_after", "header"), [(None, None), (0, "0"), (30, "30")])
def test_retry_after_is_a_header(retry_after, header):
    response = problem_response(Problem("signing_keys_unavailable", retry_after=retry_after))
    assert response.headers.get("Retry-After") == header


@pytest.mark.parametrize(("code", "level"), [("misconfigured", logging.WARNING), ("missing_token", logging.INFO)])
def test_problem_is_one_log_line(code, level, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        problem_response(Problem(code, "the detail"))
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(level, f"{code}: the detail")]


def test_bytes_are_sent_unchanged():
    assert json_response(b'{ "a":1}').get_body() == b'{ "a":1}'
