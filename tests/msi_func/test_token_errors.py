"""token_errors: the exception's type and status code determine the cause, never its message."""

import time

import pytest
from azure.core.credentials import AccessTokenInfo
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.identity import CredentialUnavailableError

from common.problems import Problem
from msi_func import token_errors
from msi_func.http_session import HttpError
from tests.support.caller import SCOPE, Caller, caller

__all__ = ["caller"]

IDENTITY = "1de00003-c11d-4000-8000-000000000000"
# A message that suggests other causes than the type and the status.
MISLEADING = "(invalid_scope) 401, Identity not found: AADSTS500011 timed out, status 429, eyJ0b2tlbg"


def with_status(status: int) -> ClientAuthenticationError:
    error = ClientAuthenticationError(MISLEADING)
    error.status_code = status
    return error


ON_AZURE = [
    (with_status(400), None, token_errors.NO_SYSTEM_IDENTITY, 400),
    (with_status(400), IDENTITY, token_errors.NOT_ATTACHED, 400),
    (with_status(401), None, token_errors.HEADER_REJECTED, 401),
    (with_status(403), None, token_errors.INVALID_RESPONSE, 403),
    (with_status(418), None, token_errors.INVALID_RESPONSE, 418),
    (with_status(500), IDENTITY, token_errors.GENERIC_ERROR, 500),
    *((with_status(status), None, token_errors.THROTTLED, status) for status in (408, 429, 502, 503, 504)),
    (with_status(200), None, token_errors.INVALID_RESPONSE, None),
    (with_status(302), None, token_errors.INVALID_RESPONSE, None),
    (CredentialUnavailableError(MISLEADING), None, token_errors.UNAVAILABLE, None),
    (HttpResponseError(MISLEADING), None, token_errors.INVALID_RESPONSE, None),
    (ServiceRequestError(MISLEADING), None, token_errors.NO_RESPONSE, None),
    (ServiceRequestTimeoutError(MISLEADING), None, token_errors.NO_RESPONSE, None),
    (ServiceResponseError(MISLEADING), None, token_errors.NO_RESPONSE, None),
    (ServiceResponseTimeoutError(MISLEADING), None, token_errors.NO_RESPONSE, None),
    (TimeoutError(MISLEADING), None, token_errors.NO_RESPONSE, None),
    (HttpError("the response is too large", "downstream_invalid_response"), None, token_errors.INVALID_RESPONSE, None),
    *((kind(MISLEADING), None, token_errors.INVALID_RESPONSE, None) for kind in (KeyError, TypeError, ValueError)),
]


@pytest.mark.parametrize(("error", "identity", "cause", "status"), ON_AZURE, ids=[repr(case[0]) for case in ON_AZURE])
def test_on_azure_type_and_status_determine_the_cause(error, identity, cause, status, caller: Caller):
    caller.uses_endpoint("http://127.0.0.1:9/")
    problem = token_errors.problem_for(error, SCOPE, identity, is_managed=True)
    assert (problem.code, problem.detail) == ("token_unavailable", cause)
    assert problem.members == {"scope": SCOPE} | ({"endpoint_status": status} if status else {})


OFF_AZURE = [
    (TimeoutError(MISLEADING), token_errors.SIGN_IN_TIMEOUT),
    (ServiceRequestError(MISLEADING), token_errors.SIGN_IN_TIMEOUT),
    (ValueError(MISLEADING), token_errors.NO_CREDENTIAL),
    (with_status(400), token_errors.SIGN_IN),
    (CredentialUnavailableError(MISLEADING), token_errors.SIGN_IN),
    (HttpError("the response is too large"), token_errors.SIGN_IN),
]


@pytest.mark.parametrize(("error", "cause"), OFF_AZURE, ids=[repr(case[0]) for case in OFF_AZURE])
def test_off_azure_the_exception_type_determines_the_cause(error, cause, caller: Caller):
    problem = token_errors.problem_for(error, SCOPE, None, is_managed=False)
    assert (problem.code, problem.detail, problem.members) == ("token_unavailable", cause, {"scope": SCOPE})


def test_on_azure_without_any_identity_the_cause_is_the_missing_identity(caller: Caller):
    caller.set({"WEBSITE_INSTANCE_ID": "0123"})
    problem = token_errors.problem_for(CredentialUnavailableError(""), SCOPE, None, is_managed=False)
    assert problem.detail == token_errors.NO_IDENTITY


def test_endpoint_without_its_header_is_reported(caller: Caller):
    caller.set({"IDENTITY_ENDPOINT": "http://127.0.0.1:9/"})
    problem = token_errors.problem_for(CredentialUnavailableError(""), SCOPE, None, is_managed=True)
    assert problem.detail == token_errors.NO_HEADER


TOKENS = [
    ("a.b-c_d~e+f/g==", 60, None),
    ("token", -1, token_errors.EXPIRED),
    ("", 60, token_errors.INVALID_RESPONSE),
    ("tök", 60, token_errors.INVALID_RESPONSE),
    ("a b", 60, token_errors.INVALID_RESPONSE),
    ("a\r\nX: y", 60, token_errors.INVALID_RESPONSE),
    ("a\n", 60, token_errors.INVALID_RESPONSE),
    ("\ud800", 60, token_errors.INVALID_RESPONSE),
    (None, 60, token_errors.INVALID_RESPONSE),
    (5, 60, token_errors.INVALID_RESPONSE),
    (["a"], 60, token_errors.INVALID_RESPONSE),
]


@pytest.mark.parametrize(("value", "seconds", "cause"), TOKENS, ids=[repr(case[:2]) for case in TOKENS])
def test_expired_and_unsendable_tokens_are_rejected(value, seconds, cause):
    token = AccessTokenInfo(value, int(time.time()) + seconds)
    if cause is None:
        token_errors.check_token(token, SCOPE)
        return
    with pytest.raises(Problem) as raised:
        token_errors.check_token(token, SCOPE)
    assert (raised.value.detail, raised.value.members) == (cause, {"scope": SCOPE})
