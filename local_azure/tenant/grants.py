"""App role assignments, consent to scopes, and Conditional Access policies."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Assignment:
    """An app role of an API, assigned to a principal. `resource_id` is the object ID of the API's service principal."""

    principal_id: str
    resource_id: str
    role_id: str
    created: float = field(default_factory=time.time, compare=False)


@dataclass(frozen=True, slots=True)
class Consent:
    """Consent for a client to act for a user within these scopes of an API; `user_id` None is for all users.

    https://learn.microsoft.com/graph/api/resources/oauth2permissiongrant
    """

    client_id: str
    resource_id: str
    scopes: tuple[str, ...]
    user_id: str | None


@dataclass(frozen=True, slots=True)
class MfaPolicy:
    """A Conditional Access policy: a user, or members of a group, need a second factor for an API.

    https://learn.microsoft.com/entra/identity/conditional-access/overview
    """

    id: str
    principal_id: str
    resource_id: str

    @property
    def claims(self) -> str:
        """The claims challenge, as Entra writes it, with which a client signs the user in again."""
        return f'{{"access_token":{{"capolids":{{"essential":true,"values":["{self.id}"]}}}}}}'
