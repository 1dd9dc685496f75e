"""Requests counted per endpoint, and faults that are put in their way on demand."""

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

GARBAGE = b'{"access_token": "cut off in the mid'

# Closing with lingering on and no time for it sends RST in place of FIN.
_NO_LINGER = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to requests in place of an answer, after `delay` seconds; a delay alone is followed by the answer.

    `count` is how many requests it meets, None is all.
    """

    delay: float = 0
    status: int | None = None
    garbage: bool = False
    reset: bool = False
    count: int | None = None


class Traffic:
    """Counts each endpoint's requests and puts its fault, one at most, in their way."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()
        self.faults: dict[str, Fault] = {}
        self._left: Counter[str] = Counter()
        self.endpoints: tuple[str, ...] = ()

    def watched(self, endpoint: str, routes: Iterable[Route]) -> list[Route]:
        """The same routes, under this endpoint's eye."""
        self.endpoints = (*dict.fromkeys((*self.endpoints, endpoint)),)
        self.counters[endpoint] += 0
        for route in routes:
            route.app = _Watch(route.app, self, endpoint)
        return list(routes)

    def put(self, endpoint: str, fault: Fault) -> None:
        """From now on, in place of a fault that the endpoint may have."""
        self.faults[endpoint] = fault
        self._left[endpoint] = fault.count or 0

    def clear(self) -> None:
        """No faults any more."""
        self.faults.clear()

    def pass_by(self, endpoint: str) -> Fault | None:
        """Count a request; the fault that it meets."""
        self.counters[endpoint] += 1
        fault = self.faults.get(endpoint)
        if fault is not None and fault.count is not None:
            self._left[endpoint] -= 1
            if self._left[endpoint] <= 0:
                del self.faults[endpoint]
        return fault


class _Watch:
    def __init__(self, app: ASGIApp, traffic: Traffic, endpoint: str) -> None:
        self._app = app
        self._traffic = traffic
        self._endpoint = endpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._traffic.pass_by(self._endpoint)
        if fault is None:
            await self._app(scope, receive, send)
            return
        await asyncio.sleep(fault.delay)
        if fault.reset:
            reset(Request(scope))
            while (await receive())["type"] != "http.disconnect":
                pass
        elif fault.garbage:
            answer = Response(GARBAGE, fault.status or 200, media_type="application/json")
            await answer(scope, receive, send)
        elif fault.status:
            await _failure(self._endpoint, fault.status)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def reset(request: Request) -> None:
    """Break the connection off with a TCP RST, in place of an answer."""
    transport: asyncio.Transport = request.state.transport
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def _failure(endpoint: str, status: int) -> Response:
    message = "A fault that was asked for."
    if endpoint == "graph":
        return JSONResponse({"error": {"code": "serviceNotAvailable", "message": message}}, status_code=status)
    # The App Service endpoint's shape and OAuth's at once.
    body = {"statusCode": status, "message": message, "error": "temporarily_unavailable", "error_description": message}
    return JSONResponse(body, status_code=status)
