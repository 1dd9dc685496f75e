"""Request bodies, up to a size."""

from starlette.requests import Request

SMALL = 256 * 1024  # bytes; more than any form or JSON document that is asked for here


class TooLarge(Exception):
    """The body is larger than allowed."""


async def read(request: Request, limit: int = SMALL) -> bytes:
    """The whole body. Raises TooLarge above `limit` bytes, without reading on."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge
    return bytes(body)
