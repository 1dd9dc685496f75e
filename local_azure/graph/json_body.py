"""JSON bodies of requests to Graph."""

import json
from typing import Any

from starlette.requests import Request

from local_azure.graph.errors import GraphError
from local_azure.serving.request_body import BodyTooLarge, read_body


async def read_json_body(request: Request) -> dict[str, Any]:
    """Return the JSON object in the request body. Raises GraphError."""
    try:
        body: Any = json.loads(await read_body(request))
    except (ValueError, RecursionError, BodyTooLarge):
        body = None
    if not isinstance(body, dict):
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.")
    return body
