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

FAULTS = [
    ({"status": 503}, 503, "This fault was injected."),
    ({"truncate": True}, 200, '{"access_token": "cut off'),
    ({"truncate": "true", "status": "502"}, 502, '{"access_token": "cut off'),
]


@pytest.mark.parametrize(("fault", "status", "text"), FAULTS)
def test_fault_applies_to_the_requested_number_of_requests(fault, status, text, fresh: LocalAzure):
    assert "msi" in control(fresh, "fault", endpoint="msi", count=2, **fault).json()
    responses = [request_identity_token(fresh) for _ in range(3)]
    assert [response.status_code for response in responses] == [status, status, 200]
    assert text in responses[0].text
    assert requests.get(f"{fresh.origin}/local-azure/faults", timeout=10).json() == {}


def test_fault_without_count_applies_until_cleared(fresh: LocalAzure):
    control(fresh, "fault", endpoint="keys", status=500)
    url = f"{fresh.origin}/{fresh.directory.tenant_id}/discovery/keys"
    assert [requests.get(url, timeout=10).status_code for _ in range(3)] == [500] * 3
    control(fresh, "clear-faults")
    assert requests.get(url, timeout=10).status_code == 200


def test_delay_precedes_the_response(fresh: LocalAzure):
    control(fresh, "fault", endpoint="msi", delay=0.2, count=1)
    start = time.perf_counter()
    assert request_identity_token(fresh).status_code == 200
    assert time.perf_counter() - start >= 0.2


@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
def test_reset_is_a_tcp_reset(tls: bool, fresh: LocalAzure):
    control(fresh, "fault", endpoint="metadata", reset=True, count=1)
    port = int((fresh.https_origin if tls else fresh.origin).rpartition(":")[2])
    context = ssl.create_default_context(cafile=str(fresh.certificates.bundle))
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
        if tls:
            stream = stack.enter_context(context.wrap_socket(stream, server_hostname="127.0.0.1"))
        path = f"/{fresh.directory.tenant_id}/.well-known/openid-configuration"
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        # Below TLS, which tells a reset as an end.
        raw = stack.enter_context(socket.socket(fileno=os.dup(stream.fileno())))
        raw.settimeout(10)
        with pytest.raises(ConnectionResetError):
            list(iter(lambda: raw.recv(4096), b""))


def test_requests_are_counted_per_endpoint(fresh: LocalAzure):
    for https in (False, True):
        request_identity_token(fresh, https=https)
    counters = requests.get(f"{fresh.origin}/local-azure/counters", timeout=10).json()
    assert counters == {"msi": 2, "imds": 0, "metadata": 0, "keys": 0, "token": 0, "graph": 0}
