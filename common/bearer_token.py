"""The bearer token in an Authorization header (RFC 6750 section 2.1)."""

from common.problems import Problem

MAX_TOKEN_CHARS = 16 * 1024


def extract_bearer_token(header: str | None) -> str:
    """Return the one token in an Authorization header. The Functions host joins repeated headers with a comma.

    Raises `missing_token` without bearer credentials, and `malformed_token` unless there is exactly one compact JWS.
    """
    scheme, _, token = (header or "").strip(" ").partition(" ")
    scheme, comma, _ = scheme.lower().partition(",")
    if scheme != "bearer":
        raise Problem("missing_token")
    token = token.strip(" ")
    if comma or len(token) > MAX_TOKEN_CHARS or token.count(".") != 2 or not token.isascii():
        raise Problem("malformed_token")
    return token
