"""Functions of the Bicep language, evaluated for the public cloud. IDs are derived from names."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any

TENANT = "10ca1000-0000-4000-8000-000000000000"
AUTHORITY = "https://login.microsoftonline.com/"
ENVIRONMENT = {
    "name": "AzureCloud",
    "portal": "https://portal.azure.com",
    "authentication": {"loginEndpoint": AUTHORITY},
}


class DeploymentError(Exception):
    """The template cannot be deployed with these parameters."""


def identifier(path: str) -> str:
    """Return a GUID, derived from `path`, in place of one that Azure assigns."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, path))


def _fail(message: str) -> None:
    raise DeploymentError(message)


def _union(*objects: dict[str, Any]) -> dict[str, Any]:
    return {key: value for each in objects for key, value in each.items()}


def _concat(*lists: Iterable[Any]) -> list[Any]:
    return [item for each in lists for item in each]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "concat": _concat,
    "contains": lambda text, part: part in text,
    "empty": lambda value: not value,
    "environment": lambda: ENVIRONMENT,
    "fail": _fail,
    "filter": lambda items, test: [item for item in items if test(item)],
    "guid": lambda *parts: identifier("/".join(parts)),
    "join": lambda items, separator: separator.join(items),
    "length": len,
    "map": lambda items, change: [change(item) for item in items],
    "resourceGroup": lambda: {"id": "/group"},
    "split": lambda text, separator: text.split(separator),
    "subscription": lambda: {"id": "/subscription"},
    "subscriptionResourceId": lambda kind, name: f"{kind}/{name}",
    "tenant": lambda: {"tenantId": TENANT},
    "toLower": str.lower,
    "toObject": lambda items, key, value: {key(item): value(item) for item in items},
    "trim": str.strip,
    "union": _union,
    "uniqueString": lambda *parts: uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)).hex[:13],
}
