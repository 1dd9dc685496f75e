"""Errors of the token endpoint: Entra's format on one line, with an optional claims challenge."""

import json
import re

import pytest

from local_azure.entra.errors import TokenRequestError, error_response

ERRORS = [
    (TokenRequestError(70011, scope="x"), 400, "invalid_scope", "AADSTS70011: The provided value for the input param"),
    (TokenRequestError(7000215, client="x"), 401, "invalid_client", "AADSTS7000215: Invalid client secret provided"),
    (TokenRequestError(90002, tenant="x"), 400, "invalid_request", "AADSTS90002: Tenant 'x' not found."),
    (TokenRequestError(700213, value="x"), 401, "invalid_client", "AADSTS700213: No matching federated identity"),
]


@pytest.mark.parametrize(("error", "status", "name", "text"), ERRORS, ids=[str(case[0].code) for case in ERRORS])
def test_code_determines_status_and_name(error, status, name, text):
    assert (error.status, error.error, str(error)) == (status, name, error.text)
    assert error.text.startswith(text)
    response = error_response(error)
    body = json.loads(response.body)
    assert (response.status_code, body["error"], body["error_codes"]) == (status, name, [error.code])
    assert response.headers["Cache-Control"] == "no-store, no-cache"


def test_description_has_the_ids_and_the_time_of_the_response():
    body = json.loads(error_response(TokenRequestError(90023)).body)
    found = re.fullmatch(
        r"AADSTS90023: The request is not valid\. Trace ID: (\S+) Correlation ID: (\S+) Timestamp: (.+)",
        body["error_description"],
    )
    assert found.groups() == (body["trace_id"], body["correlation_id"], body["timestamp"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", body["timestamp"])
    assert body["error_uri"] == "https://login.microsoftonline.com/error?code=90023"
    other = json.loads(error_response(TokenRequestError(90023)).body)
    assert {body["trace_id"], body["correlation_id"]}.isdisjoint({other["trace_id"], other["correlation_id"]})


def test_response_contains_claims_only_for_a_claims_challenge():
    challenge = '{"access_token":{}}'
    error = TokenRequestError(50076, claims=challenge, api="x")
    assert json.loads(error_response(error).body)["claims"] == challenge
    assert "claims" not in json.loads(error_response(TokenRequestError(50105, principal="x", api="y")).body)


def test_values_of_a_request_are_inserted_literally():
    """A scope with braces is not used as a format string."""
    assert TokenRequestError(70011, scope="{scope.__class__}").text.endswith("is not valid: '{scope.__class__}'.")
