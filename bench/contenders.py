"""CPU time of token validation in this process, with the contenders interleaved."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from fastapi import HTTPException

from aad_func.access_token import AccessTokenValidator
from aad_func.authorization import Authorizer
from aad_func.signing_keys import SigningKeys
from bench.load_runner import MeasurementError
from common.problems import Problem
from local_azure.cloud import LocalAzure
from tests.support.forge import Forge

ROUNDS = 15

Validate = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Contender:
    """`create` returns a validator, once per round. It validates `warm_up` untimed, then `tokens` timed.

    All of them must be valid, or none of them if `is_valid` is False. `is_async` says that the result is awaited.
    """

    create: Callable[[], Validate]
    tokens: Sequence[Any]
    warm_up: Sequence[Any]
    is_valid: bool = True
    is_async: bool = False


def authorizer(azure: LocalAzure, authority: str | None = None) -> Validate:
    """Return the whole decision about a request's headers, which includes tenant, audience and role."""
    tenant, client_id = azure.directory.tenant_id, Forge(azure).api.client_id
    keys = {version: SigningKeys(authority or azure.origin, tenant, version) for version in ("1.0", "2.0")}
    ours = Authorizer(
        tenant_id=tenant,
        audiences=frozenset((client_id, f"api://{client_id}")),
        role="DoAll",
        scope="user_impersonation",
        allowed_callers=None,
        role_assignments={},
        easy_auth=False,
        validator=AccessTokenValidator(keys),
    )
    return ours.authorize


def headers(token: str) -> dict[str, str]:
    """Return the headers of a request with this token."""
    return {"authorization": f"Bearer {token}"}


def interleave(contenders: Mapping[str, Contender]) -> dict[str, list[float]]:
    """Return the CPU seconds per token of each contender by round, without those of one warm-up round.

    Raises MeasurementError.
    """
    return asyncio.run(_interleave(contenders))


async def _interleave(contenders: Mapping[str, Contender]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(ROUNDS + 1):
        for name, contender in contenders.items():
            validate, count = contender.create(), _count_valid_async if contender.is_async else _count_valid
            await count(validate, contender.warm_up)
            start = time.thread_time()
            valid = await count(validate, contender.tokens)
            end = time.thread_time()
            if valid != (len(contender.tokens) if contender.is_valid else 0):
                raise MeasurementError(f"{name} accepted {valid} of {len(contender.tokens)} tokens")
            if round_:
                seconds[name].append((end - start) / len(contender.tokens))
    return seconds


async def _count_valid(validate: Validate, tokens: Sequence[Any]) -> int:
    valid = 0
    for token in tokens:
        try:
            validate(token)
            valid += 1
        except jwt.PyJWTError:
            pass
    return valid


async def _count_valid_async(validate: Validate, tokens: Sequence[Any]) -> int:
    valid = 0
    for token in tokens:
        try:
            await validate(token)
            valid += 1
        except (Problem, HTTPException):
            pass
    return valid
