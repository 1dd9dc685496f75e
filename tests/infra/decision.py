"""aad-func's decision about a caller, with the settings of a deployment."""

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import Any
from unittest import mock

from aad_func.authorization import Authorizer
from aad_func.principal import Principal
from tests.support.apps import clean_environment


@contextlib.contextmanager
def app_settings(values: dict[str, str], **more: str) -> Iterator[None]:
    """Set only these environment variables."""
    with clean_environment(), mock.patch.dict(os.environ, {**os.environ, **values, **more}, clear=True):
        yield


class ValidToken:
    """A validator that returns these claims without a token."""

    def __init__(self, claims: dict[str, Any]) -> None:
        self.claims = claims

    async def validate(self, _: str | None) -> Principal:
        return Principal.from_claims(self.claims, "bearer_token")


def accepted_roles(authorizer: Authorizer, claims: dict[str, Any]) -> list[str]:
    """Return the roles of a caller with these claims. Raises Problem if the caller is rejected."""
    validated = dataclasses.replace(authorizer, easy_auth=False, validator=ValidToken(claims))
    return list(asyncio.run(validated.authorize({})).roles)
