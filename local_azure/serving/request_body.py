"""Request bodies with a size limit."""

from starlette.requests import Request

DEFAULT_LIMIT = 256 * 1024  # bytes; no client needs more


class BodyTooLarge(Exception):
    """The body is larger than allowed."""


async def read_body(request: Request, limit: int = DEFAULT_LIMIT) -> bytes:
    """Return the body. Raises BodyTooLarge as soon as more than `limit` bytes have arrived."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BodyTooLarge
    return bytes(body)
