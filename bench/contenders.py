"""Measurement of the CPU time of token validation. The contenders run alternately in this process."""

import asyncio
import time
from collections import Counter
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

ROUNDS = 31
SLICES = 5  # per round

Validate = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to validate tokens. `create` returns the function to measure and is called once per round.

    In each round, this function first validates the tokens in `warm_up`, which is not measured, and then `tokens`. It
    must accept all tokens, or none if `is_valid` is False. If `is_async` is true, its result is awaited.
    """

    create: Callable[[], Validate]
    tokens: Sequence[Any]
    warm_up: Sequence[Any]
    is_valid: bool = True
    is_async: bool = False


def authorizer(azure: LocalAzure, authority: str | None = None) -> Validate:
    """Return a new Authorizer's `authorize`, which also checks tenant, audience and role."""
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
    """Return the CPU seconds per token for each contender and round, except for one warm-up round.

    Raises MeasurementError if a contender accepts an invalid token or rejects a valid one.
    """
    return asyncio.run(_interleave(contenders))


async def _interleave(contenders: Mapping[str, Contender]) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for round_ in range(ROUNDS + 1):
        validators = {name: contender.create() for name, contender in contenders.items()}
        for name, contender in contenders.items():
            await _count(contender, validators[name], contender.warm_up)
        order, spent, valid = list(contenders.items()), dict.fromkeys(contenders, 0.0), Counter[str]()
        # The contenders alternate in short slices, because other processes change a core's speed within milliseconds.
        for slice_ in range(SLICES):
            for name, contender in order if slice_ % 2 else order[::-1]:
                tokens = contender.tokens[slice_::SLICES]
                before = time.thread_time()
                valid[name] += await _count(contender, validators[name], tokens)
                spent[name] += time.thread_time() - before
        for name, contender in contenders.items():
            count = len(contender.tokens)
            expected = count if contender.is_valid else 0
            if valid[name] != expected:
                raise MeasurementError(f"{name} accepted {valid[name]} of {count} tokens instead of {expected}.")
            if round_:
                seconds[name].append(spent[name] / len(contender.tokens))
    return seconds


async def _count(contender: Contender, validate: Validate, tokens: Sequence[Any]) -> int:
    return await (_count_valid_async if contender.is_async else _count_valid)(validate, tokens)


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
