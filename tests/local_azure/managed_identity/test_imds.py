"""IMDS: responses, and errors in OAuth's format."""

import pytest

from local_azure.cloud import LocalAzure
from tests.support.tenant_requests import ASSIGNED, SHARED, request_imds_token


def test_imds_returns_strings_with_and_without_a_trailing_slash(local_azure_server: LocalAzure):
    for slash in ("", "/"):
        body = request_imds_token(local_azure_server, slash=slash).json()
        names = "access_token expires_in expires_on not_before refresh_token resource token_type"
        assert sorted(body) == names.split()
        assert {type(value) for value in body.values()} == {str}
        assert int(body["expires_on"]) - int(body["not_before"]) == 86_700


IMDS_ERRORS = [
    ("without the header", {"headers": {}}, "bad_request_102", "Required metadata header not specified"),
    ("header not true", {"headers": {"Metadata": "1"}}, "bad_request_102", "Required metadata header not specified"),
    ("unknown resource", {"resource": "api://nowhere"}, "invalid_resource", "AADSTS50001: "),
    ("unknown identity", {"client_id": "nobody"}, "invalid_request", "Identity not found"),
    ("no resource", {"resource": ""}, "invalid_request", "Required query variable 'resource' is missing"),
    ("not assigned", {"resource": ASSIGNED, "client_id": SHARED.client_id}, "invalid_grant", "AADSTS501051: "),
]


@pytest.mark.parametrize(("why", "query", "error", "description"), IMDS_ERRORS, ids=[case[0] for case in IMDS_ERRORS])
def test_imds_errors_have_oauths_format(why, query, error, description, local_azure_server: LocalAzure):
    response = request_imds_token(local_azure_server, **query)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert response.json()["error_description"].startswith(description)
