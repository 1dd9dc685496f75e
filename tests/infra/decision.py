"""aad-func's own decision about a caller, under the settings that a deployment gives it."""

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
    """Have these settings and no others."""
    with clean_environment(), mock.patch.dict(os.environ, {**os.environ, **values, **more}, clear=True):
        yield


class ValidToken:
    """Stands in for the validation of a signature: the token is valid and has these claims."""

    def __init__(self, claims: dict[str, Any]) -> None:
        self.claims = claims

    async def validate(self, _: str | None) -> Principal:
        return Principal.from_claims(self.claims, "bearer_token")


def accepted_roles(authorizer: Authorizer, claims: dict[str, Any]) -> list[str]:
    """Return the roles of a caller whose token has these claims. Raises the problem if it is rejected."""
    validated = dataclasses.replace(authorizer, easy_auth=False, validator=ValidToken(claims))
    return list(asyncio.run(validated.authorize({})).roles)
