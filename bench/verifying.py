"""Timing what verifies tokens, in this process and by turns."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from aad_func.bearer import BearerTokens
from aad_func.gate import Gate
from fastapi import HTTPException

from aad_func.signing_keys import SigningKeys
from bench.calling import Failed
from common.problems import Problem
from local_azure.cloud import LocalAzure
from tests.support.forge import Forge

ROUNDS = 15

Verify = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Contender:
    """`make` gives what verifies, anew for each round. It is given `before` without a clock, then `given` with one.

    All that is given is to be accepted, or none of it where `good` is False. `waits` says that it is to be awaited.
    """

    make: Callable[[], Verify]
    given: Sequence[Any]
    before: Sequence[Any]
    good: bool = True
    waits: bool = False


def our_gate(azure: LocalAzure, authority: str | None = None) -> Verify:
    """The whole decision about a request's headers: tenant, audience and role are checked too."""
    tenant, client_id = azure.directory.tenant_id, Forge(azure).api.client_id
    keys = {version: SigningKeys(authority or azure.origin, tenant, version) for version in ("1.0", "2.0")}
    gate = Gate(
        tenant_id=tenant,
        audiences=frozenset((client_id, f"api://{client_id}")),
        role="DoAll",
        scope="user_impersonation",
        allowed_callers=None,
        easy_auth=False,
        tokens=BearerTokens(keys),
    )
    return lambda headers: gate.admit(headers, gate.role)


def headers(token: str) -> dict[str, str]:
    """A request's headers with this token."""
    return {"authorization": f"Bearer {token}"}


def by_turns(contenders: Mapping[str, Contender]) -> dict[str, list[float]]:
    """Seconds for one, of each contender in each round; a first round warms up and is not told. Raises Failed."""
    return asyncio.run(_by_turns(contenders))


async def _by_turns(contenders: Mapping[str, Contender]) -> dict[str, list[float]]:
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(ROUNDS + 1):
        for name, contender in contenders.items():
            verify, passed = contender.make(), _passed_awaiting if contender.waits else _passed
            await passed(verify, contender.before)
            start = time.perf_counter()
            good = await passed(verify, contender.given)
            end = time.perf_counter()
            if good != (len(contender.given) if contender.good else 0):
                raise Failed(f"{name} accepted {good} of {len(contender.given)} tokens")
            if number:
                spent[name].append((end - start) / len(contender.given))
    return spent


async def _passed(verify: Verify, given: Sequence[Any]) -> int:
    passed = 0
    for one in given:
        try:
            verify(one)
            passed += 1
        except jwt.PyJWTError:
            pass
    return passed


async def _passed_awaiting(verify: Verify, given: Sequence[Any]) -> int:
    passed = 0
    for one in given:
        try:
            await verify(one)
            passed += 1
        except (Problem, HTTPException):
            pass
    return passed
