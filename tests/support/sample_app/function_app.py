"""A function app that uses each feature of the Functions host."""

import asyncio
import json
import os
import threading

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
waiting: list[func.HttpRequest] = []
all_waiting = asyncio.Event()


def as_json(value: object) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(value), mimetype="application/json")


@app.route(route="echo/{first}/{second?}")
def echo(req: func.HttpRequest) -> func.HttpResponse:
    return as_json(
        {
            "method": req.method,
            "headers": dict(req.headers.items()),
            "looked_up": req.headers.get("X-Twice"),
            "params": dict(req.params),
            "route_params": dict(req.route_params),
            "body": req.get_body().decode(),
        }
    )


@app.route(route="files/{*path}", methods=["GET"])
def files(req: func.HttpRequest) -> func.HttpResponse:
    return as_json(dict(req.route_params))


@app.route(route="orders/{id:int}", methods=["GET"])
async def orders(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    trace = context.trace_context
    return as_json([context.function_name, trace.trace_parent, trace.trace_state, bool(context.invocation_id)])


@app.route(route="settings", methods=["GET"])
def settings(req: func.HttpRequest) -> func.HttpResponse:
    return as_json([os.environ.get("FROM_FILE"), os.environ.get("FROM_BOTH"), os.getcwd()])


@app.route(route="threads", methods=["GET"])
def threads(req: func.HttpRequest) -> func.HttpResponse:
    """Respond as soon as `together` requests wait in threads. After a timeout, `enough` is false."""
    together = int(req.params["together"])
    arrived.append(threading.get_ident())
    enough = gate.wait_for(together)
    return as_json({"enough": enough, "threads": len(set(arrived))})


class Gate:
    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def wait_for(self, together: int) -> bool:
        with self._condition:
            self._count += 1
            self._condition.notify_all()
            return self._condition.wait_for(lambda: self._count >= together, timeout=1)


gate = Gate()
arrived: list[int] = []


@app.route(route="loop", methods=["GET"])
async def loop(req: func.HttpRequest) -> func.HttpResponse:
    """Respond once `together` requests, more than there are threads, wait on the event loop."""
    waiting.append(req)
    if len(waiting) == int(req.params["together"]):
        all_waiting.set()
    await all_waiting.wait()
    return as_json(threading.current_thread() is threading.main_thread())


@app.route(route="fails", methods=["GET"])
def fails(req: func.HttpRequest) -> func.HttpResponse:
    raise RuntimeError("said on the console only")


@app.route(route="nothing", methods=["GET"])
def nothing(req: func.HttpRequest) -> None:
    return None


@app.route(route="headers", methods=["GET"])
def headers(req: func.HttpRequest) -> func.HttpResponse:
    response = func.HttpResponse("text", status_code=401, headers={"WWW-Authenticate": "Bearer"})
    for name, value in (("X-Last", "1"), ("X-Last", "2"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")):
        response.headers.add_header(name, value)
    return response


@app.route(route="off", methods=["GET"])
def off_by_dots(req: func.HttpRequest) -> func.HttpResponse:
    raise AssertionError("disabled")


@app.route(route="off-too", methods=["GET"])
def off_by_underscores(req: func.HttpRequest) -> func.HttpResponse:
    raise AssertionError("disabled")
