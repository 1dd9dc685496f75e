"""Request bodies are read up to a limit."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from local_azure.serving.request_body import DEFAULT_LIMIT, BodyTooLarge, read_body


class Client:
    """A client that sends a body in chunks and counts the chunks that are read."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks
        self.read = 0

    async def receive(self) -> dict[str, Any]:
        self.read += 1
        chunk = self._chunks[self.read - 1] if self.read <= len(self._chunks) else b""
        return {"type": "http.request", "body": chunk, "more_body": self.read < len(self._chunks)}

    def send(self, *limit: int) -> bytes:
        """Return the body that the server reads."""
        request = Request({"type": "http", "method": "POST", "headers": []}, self.receive)
        return asyncio.run(read_body(request, *limit))


@given(chunks=st.lists(st.binary(max_size=20), max_size=8), limit=st.integers(0, 60))
def test_body_is_complete_or_rejected_as_soon_as_it_exceeds_the_limit(chunks: list[bytes], limit: int):
    client, body = Client(chunks), b"".join(chunks)
    if len(body) <= limit:
        assert client.send(limit) == body
        return
    with pytest.raises(BodyTooLarge):
        client.send(limit)
    assert len(b"".join(chunks[: client.read - 1])) <= limit


def test_endless_body_is_rejected():
    client = Client([b"x" * 1024] * 1_000_000)
    with pytest.raises(BodyTooLarge):
        client.send()
    assert client.read == DEFAULT_LIMIT // 1024 + 1
