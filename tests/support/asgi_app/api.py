"""aad-func's responses, served by an ASGI app."""

import azure.functions as func
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aad_func.authorization import authorizer
from common.problems import Problem, json_response, problem_response


async def aad_func(request: Request) -> Response:
    return _asgi(json_response((await authorizer().authorize(request.headers)).as_json))


async def problem(request: Request, error: Problem) -> Response:
    return _asgi(problem_response(error))


def _asgi(response: func.HttpResponse) -> Response:
    return Response(response.get_body(), response.status_code, dict(response.headers), response.mimetype)


api = Starlette(routes=[Route("/api/aad-func", aad_func)], exception_handlers={Problem: problem})  # type: ignore[dict-item]
