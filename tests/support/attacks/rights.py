"""Signatures, and what a caller that is known may do: roles, scopes, the list of allowed callers."""

import base64
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.attacks import Case
from tests.support.attacks.claims import INVALID, claiming
from tests.support.attacks.header import attackers_key
from tests.support.forge import AZURE_CLI, CALLER, CALLER_OBJECT, GONE, Forge, base64url, encode

MISSING_ROLE, MISSING_SCOPE, BAD = "403 missing_role", "403 missing_scope", "401 bad_signature"

ROLES: list[Case] = [
    ("the role among others", "200 application", claiming(roles=["Other", "DoAll", "doall"])),
    ("the role twice", "200 application", claiming(roles=["DoAll", "DoAll"])),
    ("no roles", MISSING_ROLE, claiming(roles=GONE)),
    ("an empty list", MISSING_ROLE, claiming(roles=[])),
    ("another role", MISSING_ROLE, claiming(roles=["Other"])),
    ("a role that contains it", MISSING_ROLE, claiming(roles=["DoAllowed"])),
    ("a role that it contains", MISSING_ROLE, claiming(roles=["DoAl", "Do", "All", ""])),
    ("another case", MISSING_ROLE, claiming(roles=["doall", "DOALL", "doAll"])),
    ("white space around it", MISSING_ROLE, claiming(roles=[" DoAll", "DoAll ", "DoAll\n", "\tDoAll"])),
    ("a NUL behind it", MISSING_ROLE, claiming(roles=["DoAll\0"])),
    ("what cannot be seen in it", MISSING_ROLE, claiming(roles=["Do\u200bAll", "DoAll\u00ad", "\ufeffDoAll"])),
    ("letters that look the same", MISSING_ROLE, claiming(roles=["D\u043eAll", "\uff24oAll"])),
    ("several in one string", MISSING_ROLE, claiming(roles=["Other,DoAll", "Other DoAll"])),
    ("a pattern", MISSING_ROLE, claiming(roles=["*", ".*", "Do*"])),
    ("the role's id", MISSING_ROLE, claiming(roles=["aad00002-d0a1-4000-8000-000000000000"])),
    ("the claim in another case", MISSING_ROLE, claiming(roles=GONE, Roles=["DoAll"])),
    ("the claim in the singular", MISSING_ROLE, claiming(roles=GONE, role=["DoAll"])),
    ("Easy Auth's name of the claim", MISSING_ROLE,
     claiming(roles=GONE, **{"http://schemas.microsoft.com/ws/2008/06/identity/claims/role": ["DoAll"]})),
    ("as a group", MISSING_ROLE, claiming(roles=GONE, groups=["DoAll"])),
    ("as a directory role", MISSING_ROLE, claiming(roles=GONE, wids=["DoAll"])),
    ("as a scope", MISSING_ROLE, claiming(user=True, roles=GONE, scp="user_impersonation DoAll")),
    *(
        (f"roles is no list of strings: {roles!r}", INVALID, claiming(roles=roles))
        for roles in (
            "DoAll", "", {"DoAll": True}, {}, None, True, 1, [["DoAll"]], ["DoAll", ["Other"]], ["DoAll", None],
            ["DoAll", 1], ["DoAll", True], [{"DoAll": "DoAll"}],
        )
    ),
]  # fmt: skip

SCOPES: list[Case] = [
    ("the scope among others", "200 user", claiming(user=True, scp="openid user_impersonation profile")),
    ("spaces around it", "200 user", claiming(user=True, scp=" user_impersonation  ")),
    ("another scope", MISSING_SCOPE, claiming(user=True, scp="Files.Read")),
    ("a scope that contains it", MISSING_SCOPE, claiming(user=True, scp="user_impersonation2 xuser_impersonation")),
    ("a scope that it contains", MISSING_SCOPE, claiming(user=True, scp="user impersonation")),
    ("another case", MISSING_SCOPE, claiming(user=True, scp="User_Impersonation")),
    ("commas, which do not part scopes (RFC 6749 3.3)", MISSING_SCOPE, claiming(user=True, scp="a,user_impersonation")),
    ("a tab, which does not either", MISSING_SCOPE, claiming(user=True, scp="a\tuser_impersonation")),
    ("a no-break space, which does not either", MISSING_SCOPE, claiming(user=True, scp="a\xa0user_impersonation")),
    ("a line break, which does not either", MISSING_SCOPE, claiming(user=True, scp="a\nuser_impersonation")),
    ("the whole name", MISSING_SCOPE, claiming(user=True, scp=lambda f: f"{f.api.app_id_uris[0]}/user_impersonation")),
    ("the claim's other name", "401 not_an_access_token", claiming(user=True, scp=GONE, scope="user_impersonation")),
    ("a user with the scope and no role", MISSING_ROLE, claiming(user=True, roles=GONE)),
    ("a user with neither", MISSING_ROLE, claiming(user=True, roles=GONE, scp="Files.Read")),
]


def resigned(change: Callable[[Forge, bytes], bytes]) -> Callable[[Forge], str]:
    """A good token with its signature changed, as bytes."""

    def make(forge: Forge) -> str:
        signed, _, signature = forge.token().rpartition(".")
        return f"{signed}.{base64url(change(forge, base64.urlsafe_b64decode(signature + '==')))}"

    return make


def modulus(forge: Forge) -> int:
    return forge.key.public_key().public_numbers().n


def signed_by(make_key: Callable[[], rsa.RSAPrivateKey]) -> Callable[[Forge], str]:
    return lambda forge: forge.sign(forge.claims(), key=make_key())


def other_payload(forge: Forge) -> str:
    header, _, signature = forge.token(roles=["Other"]).split(".")
    return f"{header}.{encode(forge.claims())}.{signature}"


def other_header(forge: Forge) -> str:
    _, payload, signature = forge.token().split(".")
    return f"{encode(forge.header(extra=1))}.{payload}.{signature}"


SIGNATURES: list[Case] = [
    ("another token's signature", BAD, other_payload),
    ("another header's signature", BAD, other_header),
    ("a key of the attacker's under the tenant's kid", BAD, signed_by(attackers_key)),
    ("a small key under the tenant's kid", BAD, signed_by(lambda: rsa.generate_private_key(65537, 1024))),
    ("all zeros", BAD, resigned(lambda f, s: bytes(256))),
    ("all ones", BAD, resigned(lambda f, s: b"\xff" * 256)),
    ("one, whose power is one", BAD, resigned(lambda f, s: bytes(255) + b"\1")),
    ("the modulus", BAD, resigned(lambda f, s: modulus(f).to_bytes(256))),
    ("the modulus added, which changes no remainder", BAD,
     resigned(lambda f, s: (int.from_bytes(s) + modulus(f)).to_bytes(257))),
    ("the negative", BAD, resigned(lambda f, s: (modulus(f) - int.from_bytes(s)).to_bytes(256))),
    ("one byte less at the end", BAD, resigned(lambda f, s: s[:-1])),
    ("one byte less in front", BAD, resigned(lambda f, s: s[1:])),
    ("one byte more at the end", BAD, resigned(lambda f, s: s + b"\0")),
    ("one byte more in front", BAD, resigned(lambda f, s: b"\0" + s)),
    ("twice", BAD, resigned(lambda f, s: s + s)),
    ("backwards", BAD, resigned(lambda f, s: s[::-1])),
    ("one bit turned", BAD, resigned(lambda f, s: bytes([s[0] ^ 1]) + s[1:])),
    ("one byte alone", BAD, resigned(lambda f, s: b"\0")),
    ("the payload's hash", BAD, resigned(lambda f, s: b"x" * 32)),
    ("a text", BAD, resigned(lambda f, s: b"signature")),
]  # fmt: skip

# Against a host with AAD_FUNC_ALLOWED_CALLERS=CALLER.
NOT_ALLOWED = "403 caller_not_allowed"

ALLOWED_CALLERS: list[Case] = [
    ("the one on the list", "200 application", claiming()),
    ("the one on the list, version 1", "200 application", claiming(version=1)),
    ("the one on the list, for a user", "200 user", claiming(user=True, azp=CALLER, azpacr="2")),
    ("another application with the role", NOT_ALLOWED, claiming(azp="1de00002-c11d-4000-8000-000000000000")),
    ("another application, version 1", NOT_ALLOWED, claiming(version=1, appid="1de00002-c11d-4000-8000-000000000000")),
    ("another application for a user", NOT_ALLOWED, claiming(user=True, azpacr="2")),
    ("another case", NOT_ALLOWED, claiming(azp=CALLER.upper())),
    ("with white space", NOT_ALLOWED, claiming(azp=f" {CALLER}")),
    ("two in one string", NOT_ALLOWED, claiming(azp=f"{AZURE_CLI},{CALLER}")),
    ("cut short", NOT_ALLOWED, claiming(azp=CALLER[:-1])),
    ("the object id of one on the list", NOT_ALLOWED, claiming(azp=CALLER_OBJECT)),
    ("the other version's claim", NOT_ALLOWED, claiming(azp=AZURE_CLI, appid=CALLER)),
    ("the other version's claim, version 1", NOT_ALLOWED, claiming(version=1, appid=AZURE_CLI, azp=CALLER)),
    ("as the name of the client", NOT_ALLOWED, claiming(azp=AZURE_CLI, azp_name=CALLER, client_id=CALLER)),
    ("on the list, without the role", MISSING_ROLE, claiming(roles=["Other"])),
    ("on the list, with a secret", "200 application", claiming(azpacr="1")),
    *((f"on the list, not authenticated: {acr!r}", NOT_ALLOWED, claiming(azpacr=acr)) for acr in ("0", "", "3", "1,2")),
    ("on the list, not authenticated, version 1", NOT_ALLOWED, claiming(version=1, appidacr="0")),
    ("on the list, its authentication unknown", NOT_ALLOWED, claiming(azpacr=GONE)),
    ("on the list, its authentication unknown, version 1", NOT_ALLOWED, claiming(version=1, appidacr=GONE)),
    ("on the list, authenticated by the other version's claim", NOT_ALLOWED, claiming(azpacr=GONE, appidacr="2")),
    ("on the list, authenticated by a number", INVALID, claiming(azpacr=2)),
]
