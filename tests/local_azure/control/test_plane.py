"""The control plane: errors, and rejection of web pages."""

import pytest
import requests

from local_azure.cloud import LocalAzure
from tests.support.tenant_requests import control, request_identity_token

pytestmark = pytest.mark.usefixtures("local_azure")  # undoes the changes of each test

INVALID = [
    ("fault", {"endpoint": "nowhere", "status": 500}, "endpoint must be one of msi, imds, metadata, keys,"),
    ("fault", {"endpoint": "msi"}, "Specify at least one of status, delay, truncate and reset."),
    ("fault", {"endpoint": "msi", "status": 99}, "status must be a number from 200 to 599."),
    ("fault", {"endpoint": "msi", "status": 500.5}, "status must be a whole number."),
    ("fault", {"endpoint": "msi", "delay": "soon"}, "delay must be a number from 0 to 3600."),
    ("fault", {"endpoint": "msi", "reset": "maybe"}, "reset must be true or false."),
    ("fault", {"endpoint": "msi", "stauts": 500}, "stauts is not supported. Supported parameters: "),
    ("user-token", {"user": "\ud800", "scope": "x"}, "The body contains an unpaired surrogate"),
    ("user-token", {"user": "admin@local.example", "scope": ["\udfff"]}, "The body contains an unpaired surrogate"),
    ("advance", {}, "duration must be a duration such as 90s, 30m, 24h or 1d."),
    ("advance", {"duration": "-24h"}, "duration must be a duration"),
    ("advance", {"duration": "0h"}, "duration must be a duration"),
    ("advance", {"duration": "24"}, "duration must be a duration"),
    ("advance", {"duration": "1.5h"}, "duration must be a duration"),
    ("advance", {"duration": "24h\n"}, "duration must be a duration"),
    ("advance", {"duration": "99999d"}, "duration must be a duration"),
    ("advance", {"duration": ["24h"]}, "duration must be a duration"),
    ("advance", {"duration": "24h", "by": 1}, "by is not supported. Supported parameters: duration."),
    ("clear-token-cache", {"all": True}, "all is not supported. Supported parameters: none."),
]


@pytest.mark.parametrize(("command", "values", "message"), INVALID, ids=[str(case[1]) for case in INVALID])
def test_invalid_command_is_an_error_that_names_the_value(command, values, message, local_azure_server: LocalAzure):
    response = control(local_azure_server, command, **values)
    assert response.status_code == 400
    assert response.json()["message"].startswith(message)


def test_values_are_accepted_in_the_query(local_azure_server: LocalAzure):
    url = f"{local_azure_server.origin}/local-azure/fault?endpoint=msi&status=500&count=1"
    assert requests.post(url, timeout=10).json()["msi"]["count"] == 1


PAGES = [
    ("a foreign host", {"Host": "evil.example"}, 400),
    ("a foreign host that looks local", {"Host": "127.0.0.1.evil.example"}, 400),
    ("a foreign origin", {"Origin": "https://evil.example"}, 403),
    ("a page on another local port", {"Origin": "http://127.0.0.1:3000"}, 403),
    ("a page without an origin", {"Origin": "null"}, 403),
    ("a form", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("a form with a file", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ("plain text from a script", {"Content-Type": "text/plain;charset=UTF-8"}, 415),
]


@pytest.mark.parametrize(("who", "headers", "status"), PAGES, ids=[case[0] for case in PAGES])
@pytest.mark.parametrize(
    "command",
    ["clear-token-cache", "advance?duration=24h", "user-token?user=admin@local.example&scope=https://x/.default"],
)
def test_web_pages_are_rejected(who, headers, status, command, local_azure_server: LocalAzure):
    request_identity_token(local_azure_server)
    response = requests.post(f"{local_azure_server.origin}/local-azure/{command}", headers=headers, timeout=10)
    assert response.status_code == status
    assert local_azure_server.token_cache.clear() == 1


def test_commands_require_post(local_azure_server: LocalAzure):
    assert requests.get(f"{local_azure_server.origin}/local-azure/clear-token-cache", timeout=10).status_code == 405


def test_own_origin_is_accepted(local_azure_server: LocalAzure):
    headers = {"Origin": local_azure_server.origin}
    assert (
        requests.post(
            f"{local_azure_server.origin}/local-azure/clear-token-cache", headers=headers, timeout=10
        ).status_code
        == 200
    )
