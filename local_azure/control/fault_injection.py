"""Request counters and injected faults for each endpoint."""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

TRUNCATED_BODY = b'{"access_token": "cut off in the mid'

# With SO_LINGER on and a timeout of 0, close() sends RST instead of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault to inject into an endpoint's responses.

    `delay` is in seconds. Without `status`, `truncate` and `reset`, the endpoint's normal response follows the delay.
    `count` is the number of requests to affect. None means all requests.
    """

    delay: float = 0
    status: int | None = None
    truncate: bool = False
    reset: bool = False
    count: int | None = None


class FaultInjector:
    """Counts requests per endpoint and injects at most one fault per endpoint."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.faults: dict[str, Fault] = {}
        self._remaining: Counter[str] = Counter()
        self.endpoints: tuple[str, ...] = ()

    def instrument(self, endpoint: str, routes: Iterable[Route]) -> list[Route]:
        """Make these routes count requests and inject the endpoint's faults. Returns the routes."""
        self.endpoints = (*dict.fromkeys((*self.endpoints, endpoint)),)
        self.counters[endpoint] += 0
        for route in routes:
            route.app = _Instrumented(route.app, self, endpoint)
        return list(routes)

    def inject(self, endpoint: str, fault: Fault) -> None:
        """Inject this fault into the endpoint and remove any earlier fault."""
        self.faults[endpoint] = fault
        self._remaining[endpoint] = fault.count or 0

    def reset_counters(self) -> None:
        """Set all counters to 0."""
        self.counters = Counter(dict.fromkeys(self.endpoints, 0))

    def clear(self) -> None:
        """Remove all faults."""
        self.faults.clear()

    def record(self, endpoint: str) -> Fault | None:
        """Count a request and return the fault to inject into the response, if there is one."""
        self.counters[endpoint] += 1
        fault = self.faults.get(endpoint)
        if fault is not None and fault.count is not None:
            self._remaining[endpoint] -= 1
            if self._remaining[endpoint] <= 0:
                del self.faults[endpoint]
        return fault


class _Instrumented:
    def __init__(self, app: ASGIApp, injector: FaultInjector, endpoint: str) -> None:
        self._app = app
        self._injector = injector
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._injector.record(self._endpoint)
        if fault is None:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(fault.delay)
        if fault.reset:
            reset(Request(scope))
            while (await receive())["type"] != "http.disconnect":
                pass
        elif fault.truncate:
            response = Response(TRUNCATED_BODY, fault.status or 200, media_type="application/json")
            await response(scope, receive, send)
        elif fault.status:
            await _error(self._endpoint, fault.status)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def reset(request: Request) -> None:
    """Close the connection with a TCP RST instead of a response."""
    transport: asyncio.Transport = request.state.transport
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def _error(endpoint: str, status: int) -> Response:
    message = "This fault was injected."
    if endpoint == "graph":
        return JSONResponse({"error": {"code": "serviceNotAvailable", "message": message}}, status_code=status)
    # The body combines the error formats of App Service's identity endpoint and of OAuth.
    body = {"statusCode": status, "message": message, "error": "temporarily_unavailable", "error_description": message}
    return JSONResponse(body, status_code=status)
