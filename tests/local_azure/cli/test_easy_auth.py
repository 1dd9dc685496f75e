"""`easy-auth`."""

import requests

from local_azure.cloud import LocalAzure
from tests.support import commands
from tests.support.commands import start


def test_easy_auth_serves_the_proxy(azure: LocalAzure):
    arguments = ("easy-auth", "--to", "http://127.0.0.1:1", "--api", "aad-func", "--port", 0, "--url", azure.origin)
    process = start(*arguments)
    try:
        url = process.stdout.readline().partition(" ")[0]
        assert requests.get(url, timeout=10).status_code == 401
    finally:
        process.terminate()
        process.communicate(timeout=commands.SECONDS)
    assert process.returncode == 0
