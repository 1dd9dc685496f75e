"""Injected faults and request counters."""

import contextlib
import os
import socket
import ssl
import time

import pytest
import requests

from local_azure.cloud import LocalAzure
from tests.support.tenant_requests import control, request_identity_token

pytestmark = pytest.mark.usefixtures("local_azure")  # undoes the changes of each test

FAULTS = [
    ({"status": 503}, 503, "This fault was injected."),
    ({"truncate": True}, 200, '{"access_token": "cut off'),
    ({"truncate": "true", "status": "502"}, 502, '{"access_token": "cut off'),
]


@pytest.mark.parametrize(("fault", "status", "text"), FAULTS)
def test_fault_applies_to_the_requested_number_of_requests(fault, status, text, local_azure_server: LocalAzure):
    assert "msi" in control(local_azure_server, "fault", endpoint="msi", count=2, **fault).json()
    responses = [request_identity_token(local_azure_server) for _ in range(3)]
    assert [response.status_code for response in responses] == [status, status, 200]
    assert text in responses[0].text
    assert requests.get(f"{local_azure_server.origin}/local-azure/faults", timeout=10).json() == {}


def test_fault_without_count_applies_until_cleared(local_azure_server: LocalAzure):
    control(local_azure_server, "fault", endpoint="keys", status=500)
    url = f"{local_azure_server.origin}/{local_azure_server.directory.tenant_id}/discovery/keys"
    assert [requests.get(url, timeout=10).status_code for _ in range(3)] == [500] * 3
    control(local_azure_server, "clear-faults")
    assert requests.get(url, timeout=10).status_code == 200


def test_delay_precedes_the_response(local_azure_server: LocalAzure):
    control(local_azure_server, "fault", endpoint="msi", delay=0.2, count=1)
    start = time.perf_counter()
    assert request_identity_token(local_azure_server).status_code == 200
    assert time.perf_counter() - start >= 0.2


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_reset_is_a_tcp_reset(tls: bool, local_azure_server: LocalAzure):
    control(local_azure_server, "fault", endpoint="metadata", reset=True, count=1)
    port = int((local_azure_server.https_origin if tls else local_azure_server.origin).rpartition(":")[2])
    context = ssl.create_default_context(cafile=str(local_azure_server.certificates.bundle))
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        if tls:
            stream = stack.enter_context(context.wrap_socket(stream, server_hostname="127.0.0.1"))
        path = f"/{local_azure_server.directory.tenant_id}/.well-known/openid-configuration"
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        # Read below TLS, which can report a reset as the end of the stream.
        raw = stack.enter_context(socket.socket(fileno=os.dup(stream.fileno())))
        raw.settimeout(10)
        with pytest.raises(ConnectionResetError):
            list(iter(lambda: raw.recv(4096), b""))


def test_requests_are_counted_per_endpoint(local_azure_server: LocalAzure):
    for https in (False, True):
        request_identity_token(local_azure_server, https=https)
    counters = requests.get(f"{local_azure_server.origin}/local-azure/counters", timeout=10).json()
    assert counters == {"msi": 2, "imds": 0, "metadata": 0, "keys": 0, "token": 0, "graph": 0}
