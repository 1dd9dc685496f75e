"""requires_role: the handler's signature for the worker, calls of the handler, and misuse."""

import asyncio
import inspect
import logging
import threading
import types
import typing
from collections.abc import Iterator
from typing import Any

import azure.functions as func
import pytest

from aad_func.authorization import requires_role
from aad_func.principal import Principal
from local_azure.testing import LocalTenant
from tests.support import apps
from tests.support.forge import CALLER, CALLER_OBJECT
from tests.support.tenant import Tenant

OK = func.HttpResponse("ok")


@pytest.fixture(autouse=True)
def settings(aad_settings, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with apps.clean_environment():
        for name, value in {**aad_settings, "ENTRA_AUTHORITY": tenant.origin}.items():
            monkeypatch.setenv(name, value)
        yield
        monkeypatch.undo()


@pytest.fixture
def req(local_azure: LocalTenant) -> func.HttpRequest:
    headers = {"Authorization": f"Bearer {local_azure.token('aad-func')}"}
    return func.HttpRequest("GET", "/", headers=headers, body=b"")


def worker_view(handler: Any) -> tuple[list[str], dict[str, Any], bool]:
    """Return what the Azure Functions worker inspects: parameters, type hints, and whether it is async."""
    hints = typing.get_type_hints(handler)
    return list(inspect.signature(handler).parameters), hints, inspect.iscoroutinefunction(handler)


def test_signature_for_the_worker_has_no_caller():
    @requires_role()
    async def orders(
        order: func.HttpRequest, context: func.Context, message: func.Out[str], caller: Principal
    ) -> func.HttpResponse: ...

    parameters, hints, is_async = worker_view(orders)
    assert parameters == ["order", "context", "message"]
    assert is_async
    assert hints == {
        "order": func.HttpRequest,
        "context": func.Context,
        "message": func.Out[str],
        "return": func.HttpResponse,
    }
    assert orders.__name__ == "orders"


def test_worker_resolves_string_annotations_in_the_handlers_module():
    source = """
from __future__ import annotations
import azure.functions as af
from aad_func.authorization import requires_role

@requires_role()
async def orders(req: af.HttpRequest, message: af.Out[str], caller: OnlyForTypeCheckers) -> af.HttpResponse: ...
"""
    module = types.ModuleType("user_module")
    exec(compile(source, "user_module", "exec"), vars(module))
    assert worker_view(module.orders) == (
        ["req", "message"],
        {"req": func.HttpRequest, "message": func.Out[str], "return": func.HttpResponse},
        True,
    )


def test_worker_passes_context_to_sync_handlers_as_well():
    @requires_role()
    def orders(req: func.HttpRequest, *, caller: Principal) -> func.HttpResponse: ...

    assert worker_view(orders) == (
        ["req", "context"],
        {"req": func.HttpRequest, "return": func.HttpResponse},
        True,
    )


def test_bindings_are_indexed_and_the_return_value_is_the_response():
    app = func.FunctionApp()

    @app.route(route="orders")
    @app.queue_output(arg_name="message", queue_name="orders", connection="AzureWebJobsStorage")
    @requires_role()
    def orders(req: func.HttpRequest, message: func.Out[str], caller: Principal) -> func.HttpResponse: ...

    (indexed,) = app.get_functions()
    bindings = {binding.name: binding.type for binding in indexed.get_bindings()}
    assert bindings == {"req": "httpTrigger", "$return": "http", "message": "queue"}
    assert set(inspect.signature(indexed.get_user_function()).parameters) - {"context"} == {"req", "message"}


class Context:
    """The parts of the worker's context that requires_role uses."""

    invocation_id = "the invocation"

    def __init__(self) -> None:
        self.thread_local_storage = threading.local()


def test_sync_handler_runs_in_a_thread_whose_log_lines_belong_to_the_invocation(run, req):
    context, seen = Context(), {}

    @requires_role()
    def orders(req: func.HttpRequest, caller: Principal) -> func.HttpResponse:
        invocation_id = getattr(context.thread_local_storage, "invocation_id", None)
        seen.setdefault("id", invocation_id)
        seen.update(thread=threading.get_ident(), caller=caller)
        return OK

    assert run(orders(req=req, context=context)) is OK
    assert seen["thread"] != threading.get_ident()
    assert seen["id"] == "the invocation"
    assert seen["caller"].object_id == CALLER_OBJECT
    assert run(orders(req)) is OK  # without a context, as in a unit test


def test_stop_iteration_of_a_sync_handler_is_an_error(run, req):
    @requires_role()
    def orders(req: func.HttpRequest, caller: Principal) -> func.HttpResponse:
        return next(iter(()))

    with pytest.raises(RuntimeError, match="StopIteration"):
        run(orders(req))


def test_context_is_passed_to_sync_handlers(run, req):
    @requires_role()
    def orders(req: func.HttpRequest, context: Any, caller: Principal) -> Any:
        return context.thread_local_storage.invocation_id

    assert run(orders(req=req, context=Context())) == "the invocation"


def test_sync_handlers_run_concurrently(run, req):
    barrier = threading.Barrier(3, timeout=10)

    @requires_role()
    def orders(req: func.HttpRequest, caller: Principal) -> func.HttpResponse:
        barrier.wait()
        return OK

    async def call() -> list[Any]:
        return await asyncio.gather(*(orders(req=req) for _ in range(3)))

    assert run(call()) == [OK] * 3


class Out:
    value = None

    def set(self, value: str) -> None:
        self.value = value


@pytest.mark.parametrize("position", ["first", "last"])
def test_trigger_has_any_name_and_output_bindings_are_passed(position, run, req):
    if position == "first":

        @requires_role()
        async def orders(caller: Principal, request: func.HttpRequest, message: Any) -> func.HttpResponse:
            message.set(caller.client_id)
            return OK
    else:

        @requires_role()
        async def orders(message: Any, request: func.HttpRequest, limit: int = 7, *, caller: Principal) -> Any:
            message.set(caller.client_id)
            return OK if limit == 7 else None

    out = Out()
    assert run(orders(request=req, message=out)) is OK
    assert out.value == CALLER


def test_method_can_be_a_handler(run, req):
    class Orders:
        @requires_role()
        async def get(self, req: func.HttpRequest, caller: Principal) -> str:
            return caller.client_id

    assert run(Orders().get(req)) == CALLER


@pytest.mark.parametrize("is_async", [True, False])
def test_handler_runs_only_for_accepted_callers_and_its_problems_become_responses(is_async, run, req):
    ran = []

    def check(caller: Principal) -> None:
        ran.append(caller)
        caller.require_role("Second")

    if is_async:

        async def orders(req: func.HttpRequest, caller: Principal) -> None:
            check(caller)
    else:

        def orders(req: func.HttpRequest, caller: Principal) -> None:
            check(caller)

    response = run(requires_role()(orders)(req))
    assert (response.status_code, len(ran)) == (403, 1)
    assert b"Second" in response.get_body()
    assert run(requires_role("Other")(orders)(req)).status_code == 403
    assert run(requires_role()(orders)(func.HttpRequest("GET", "/", body=b""))).status_code == 401
    assert len(ran) == 1


async def handler(req: func.HttpRequest, caller: Principal) -> None: ...


def route(name: str) -> Any:
    return func.FunctionApp().route(route=name)


def without_caller(req: func.HttpRequest) -> None: ...
def any_caller(req: func.HttpRequest, *caller: Principal) -> None: ...
def positional_caller(caller: Principal, /, req: func.HttpRequest) -> None: ...
def any_keywords(req: func.HttpRequest, caller: Principal, **more: Any) -> None: ...
def generator(req: func.HttpRequest, caller: Principal) -> Any:
    yield


async def async_generator(req: func.HttpRequest, caller: Principal) -> Any:
    yield


MISUSE = [
    ("no parentheses", lambda: requires_role(handler), "write @requires_role()"),
    ("a list of roles", lambda: requires_role(["A", "B"]), r'@requires_role\("Orders.Read"\)'),
    ("an empty role", lambda: requires_role(""), "write @requires_role"),
    ("a role of white space", lambda: requires_role(" "), "write @requires_role"),
    ("two roles in one string", lambda: requires_role("A B"), "white space"),
    ("None", lambda: requires_role(None), "write @requires_role"),
    ("an empty scope", lambda: requires_role("A", user_scope=""), "write @requires_role"),
    ("a list of scopes", lambda: requires_role("A", user_scope=["B"]), "write @requires_role"),
    ("callers: singular", lambda: requires_role(callers="user"), 'callers="applications" or callers="users"'),
    ("callers: a list", lambda: requires_role(callers=["users"]), 'write callers="applications"'),
    ("swapped decorators", lambda: requires_role()(route("x")(handler)), r"below @blueprint.route\(...\)"),
    ("a static method", lambda: requires_role()(staticmethod(handler)), "directly above"),
    ("a generator", lambda: requires_role()(generator), "directly above a plain function"),
    ("an async generator", lambda: requires_role()(async_generator), "directly above a plain function"),
    ("no caller", lambda: requires_role()(without_caller), r"write without_caller\(req, caller\)"),
    ("*caller", lambda: requires_role()(any_caller), r"any_caller\(req, caller\), .* by name"),
    ("positional only", lambda: requires_role()(positional_caller), "passed by name"),
    ("**keywords", lambda: requires_role()(any_keywords), "passed by name"),
]


@pytest.mark.parametrize(("misuse", "text"), [pytest.param(*case[1:], id=case[0]) for case in MISUSE])
def test_misuse_is_a_type_error_at_import(misuse, text):
    with pytest.raises(TypeError, match=text):
        misuse()


def test_trigger_other_than_http_is_an_error(run, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    with pytest.raises(ValueError, match="not enough values"):
        run(requires_role()(handler)("a queue message"))
