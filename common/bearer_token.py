"""Extraction of the bearer token from an Authorization header (RFC 6750 section 2.1)."""

from common.problems import Problem

MAX_TOKEN_CHARS = 16 * 1024


def extract_bearer_token(header: str | None) -> str:
    """Return the token in an Authorization header.

    Raises `missing_token` if there is no header or if the scheme is not Bearer. Raises `malformed_token` if there is
    more than one token (the Functions host joins repeated headers with a comma), or if the token is too long or does
    not look like a compact JWS.
    """
    scheme, _, token = (header or "").strip(" ").partition(" ")
    scheme, comma, _ = scheme.lower().partition(",")
    if scheme != "bearer":
        raise Problem("missing_token")
    token = token.strip(" ")
    if comma or len(token) > MAX_TOKEN_CHARS or token.count(".") != 2 or not token.isascii():
        raise Problem("malformed_token")
    return token
