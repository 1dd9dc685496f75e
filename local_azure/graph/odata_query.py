"""The OData query options $filter, $select, $top and $skiptoken of Graph.

https://learn.microsoft.com/graph/query-parameters and https://learn.microsoft.com/graph/paging
"""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

from local_azure.graph import odata_filter
from local_azure.graph.errors import GraphError, not_emulated

PAGE_SIZE, MAX_PAGE_SIZE = 100, 999

Object = Mapping[str, Any]


def entity_response(request: Request, kind: str, entity: Object, status: int = 200) -> JSONResponse:
    """Return the response for one object of a collection. Raises GraphError."""
    _require_options(request, "$select")
    selected = _select(request, [entity])[0]
    return JSONResponse({"@odata.context": _context(request, f"{kind}/$entity"), **selected}, status_code=status)


def list_response(
    request: Request, kind: str, entities: Sequence[Object], filterable: frozenset[str] = frozenset()
) -> JSONResponse:
    """Return one page of a collection, with a link if there is a next page. Raises GraphError."""
    _require_options(request, "$filter", "$select", "$top", "$skiptoken")
    matching = _filter(request, entities, filterable)
    start = _number(request, "$skiptoken", 0, len(matching), 0)
    end = start + _number(request, "$top", 1, MAX_PAGE_SIZE, PAGE_SIZE)
    link = str(request.url.include_query_params(**{"$skiptoken": end}))
    return JSONResponse(
        {
            "@odata.context": _context(request, kind),
            **({"@odata.nextLink": link} if end < len(matching) else {}),
            "value": _select(request, matching[start:end]),
        }
    )


def _require_options(request: Request, *emulated: str) -> None:
    for name in request.query_params:
        if name.startswith("$") and name not in emulated:
            raise not_emulated(f"the query option {name} for this request")


def _filter(request: Request, entities: Sequence[Object], filterable: frozenset[str]) -> list[Object]:
    condition = request.query_params.get("$filter")
    if not condition:
        return list(entities)
    try:
        matches = odata_filter.parse(condition, filterable)
    except ValueError:
        message = "Unsupported or invalid query filter clause specified."
        raise GraphError(400, "Request_UnsupportedQuery", message) from None
    return [entity for entity in entities if matches(entity)]


def _select(request: Request, entities: Sequence[Object]) -> list[dict[str, Any]]:
    option = request.query_params.get("$select")
    if not option:
        return [dict(entity) for entity in entities]
    names = [name.strip() for name in option.split(",")]
    for name in names:
        if entities and not any(name in entity for entity in entities):
            raise not_emulated(f"the property {name} for this request")
    return [
        {name: value for name, value in entity.items() if name in names or name.startswith("@")} for entity in entities
    ]


def _number(request: Request, name: str, least: int, most: int, default: int) -> int:
    value = request.query_params.get(name, str(default))
    if not value.isascii() or not value.isdecimal() or len(value) > 6 or not least <= int(value) <= most:
        message = f"Invalid page size specified: '{value}'. Must be between 1 and {MAX_PAGE_SIZE} inclusive."
        if name == "$skiptoken":
            message = "The specified page token value has expired and can no longer be included in your request."
        raise GraphError(400, "Request_BadRequest", message)
    return int(value)


def _context(request: Request, kind: str) -> str:
    selected = request.query_params.get("$select")
    name, slash, suffix = kind.partition("/")
    return f"{request.base_url}v1.0/$metadata#{name}{f'({selected})' if selected else ''}{slash}{suffix}"
