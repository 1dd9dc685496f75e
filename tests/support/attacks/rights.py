"""Signatures, roles, scopes and allowed callers."""

import base64
import hashlib
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.attacks import Case
from tests.support.attacks.claims import INVALID, claiming
from tests.support.attacks.header import attackers_key
from tests.support.forge import AZURE_CLI, CALLER, CALLER_OBJECT, GONE, Forge, base64url, encode

MISSING_ROLE, MISSING_SCOPE, BAD_SIGNATURE = "403 missing_role", "403 missing_scope", "401 bad_signature"

ROLES: list[Case] = [
    ("the role among others", "200 application", claiming(roles=["Other", "DoAll", "doall"])),
    ("the role twice", "200 application", claiming(roles=["DoAll", "DoAll"])),
    ("no roles", MISSING_ROLE, claiming(roles=GONE)),
    ("an empty list", MISSING_ROLE, claiming(roles=[])),
    ("another role", MISSING_ROLE, claiming(roles=["Other"])),
    ("a role whose name contains the required one", MISSING_ROLE, claiming(roles=["DoAllowed"])),
    ("parts of the required role's name", MISSING_ROLE, claiming(roles=["DoAl", "Do", "All", ""])),
    ("the role in another case", MISSING_ROLE, claiming(roles=["doall", "DOALL", "doAll"])),
    ("white space around the role", MISSING_ROLE, claiming(roles=[" DoAll", "DoAll ", "DoAll\n", "\tDoAll"])),
    ("a NUL after the role", MISSING_ROLE, claiming(roles=["DoAll\0"])),
    ("invisible characters in the role", MISSING_ROLE, claiming(roles=["Do\u200bAll", "DoAll\u00ad", "\ufeffDoAll"])),
    ("look-alike letters in the role", MISSING_ROLE, claiming(roles=["D\u043eAll", "\uff24oAll"])),
    ("two roles in one string", MISSING_ROLE, claiming(roles=["Other,DoAll", "Other DoAll"])),
    ("wildcard patterns", MISSING_ROLE, claiming(roles=["*", ".*", "Do*"])),
    ("the role's ID", MISSING_ROLE, claiming(roles=["aad00002-d0a1-4000-8000-000000000000"])),
    ("Roles instead of roles", MISSING_ROLE, claiming(roles=GONE, Roles=["DoAll"])),
    ("role instead of roles", MISSING_ROLE, claiming(roles=GONE, role=["DoAll"])),
    ("Easy Auth's claim name instead of roles", MISSING_ROLE,
     claiming(roles=GONE, **{"http://schemas.microsoft.com/ws/2008/06/identity/claims/role": ["DoAll"]})),
    ("the role as a group", MISSING_ROLE, claiming(roles=GONE, groups=["DoAll"])),
    ("the role as a directory role", MISSING_ROLE, claiming(roles=GONE, wids=["DoAll"])),
    ("the role as a scope", MISSING_ROLE, claiming(user=True, roles=GONE, scp="user_impersonation DoAll")),
    *(
        (f"not a list of strings: {roles!r}", INVALID, claiming(roles=roles))
        for roles in (
            "DoAll", "", {"DoAll": True}, {}, None, True, 1, [["DoAll"]], ["DoAll", ["Other"]], ["DoAll", None],
            ["DoAll", 1], ["DoAll", True], [{"DoAll": "DoAll"}],
        )
    ),
]  # fmt: skip

SCOPES: list[Case] = [
    ("the scope among others", "200 user", claiming(user=True, scp="openid user_impersonation profile")),
    ("spaces around the scope", "200 user", claiming(user=True, scp=" user_impersonation  ")),
    ("another scope", MISSING_SCOPE, claiming(user=True, scp="Files.Read")),
    (
        "scopes whose names contain the required one",
        MISSING_SCOPE,
        claiming(user=True, scp="user_impersonation2 xuser_impersonation"),
    ),
    ("parts of the required scope's name", MISSING_SCOPE, claiming(user=True, scp="user impersonation")),
    ("the scope in another case", MISSING_SCOPE, claiming(user=True, scp="User_Impersonation")),
    ("scopes separated by a comma (RFC 6749 3.3)", MISSING_SCOPE, claiming(user=True, scp="a,user_impersonation")),
    ("scopes separated by a tab", MISSING_SCOPE, claiming(user=True, scp="a\tuser_impersonation")),
    ("scopes separated by a no-break space", MISSING_SCOPE, claiming(user=True, scp="a\xa0user_impersonation")),
    ("scopes separated by a line break", MISSING_SCOPE, claiming(user=True, scp="a\nuser_impersonation")),
    (
        "the scope with the App ID URI",
        MISSING_SCOPE,
        claiming(user=True, scp=lambda f: f"{f.api.app_id_uris[0]}/user_impersonation"),
    ),
    ("scope instead of scp", "401 not_an_access_token", claiming(user=True, scp=GONE, scope="user_impersonation")),
    ("a user with the scope and no role", MISSING_ROLE, claiming(user=True, roles=GONE)),
    ("a user with neither scope nor role", MISSING_ROLE, claiming(user=True, roles=GONE, scp="Files.Read")),
]


def with_signature(change: Callable[[Forge, bytes], bytes]) -> Callable[[Forge], str]:
    """Return a function that creates a valid token and changes its signature's bytes."""

    def make(forge: Forge) -> str:
        signing_input, _, signature = forge.token().rpartition(".")
        return f"{signing_input}.{base64url(change(forge, base64.urlsafe_b64decode(signature + '==')))}"

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


def unsigned_digest(forge: Forge) -> str:
    signing_input = forge.token().rpartition(".")[0]
    return f"{signing_input}.{base64url(hashlib.sha256(signing_input.encode()).digest())}"


SIGNATURES: list[Case] = [
    ("the signature of a token with another payload", BAD_SIGNATURE, other_payload),
    ("the signature of a token with another header", BAD_SIGNATURE, other_header),
    ("the attacker's key with the tenant's kid", BAD_SIGNATURE, signed_by(attackers_key)),
    ("a small key with the tenant's kid", BAD_SIGNATURE, signed_by(lambda: rsa.generate_private_key(65537, 1024))),
    ("all bits zero", BAD_SIGNATURE, with_signature(lambda f, s: bytes(256))),
    ("all bits one", BAD_SIGNATURE, with_signature(lambda f, s: b"\xff" * 256)),
    ("the number 1, whose powers are all 1", BAD_SIGNATURE, with_signature(lambda f, s: bytes(255) + b"\1")),
    ("the modulus", BAD_SIGNATURE, with_signature(lambda f, s: modulus(f).to_bytes(256))),
    ("the signature plus the modulus", BAD_SIGNATURE,
     with_signature(lambda f, s: (int.from_bytes(s) + modulus(f)).to_bytes(257))),
    ("the modulus minus the signature", BAD_SIGNATURE,
     with_signature(lambda f, s: (modulus(f) - int.from_bytes(s)).to_bytes(256))),
    ("without its last byte", BAD_SIGNATURE, with_signature(lambda f, s: s[:-1])),
    ("without its first byte", BAD_SIGNATURE, with_signature(lambda f, s: s[1:])),
    ("with a trailing zero byte", BAD_SIGNATURE, with_signature(lambda f, s: s + b"\0")),
    ("with a leading zero byte", BAD_SIGNATURE, with_signature(lambda f, s: b"\0" + s)),
    ("the signature repeated", BAD_SIGNATURE, with_signature(lambda f, s: s + s)),
    ("the bytes in reverse order", BAD_SIGNATURE, with_signature(lambda f, s: s[::-1])),
    ("one bit flipped", BAD_SIGNATURE, with_signature(lambda f, s: bytes([s[0] ^ 1]) + s[1:])),
    ("a single zero byte", BAD_SIGNATURE, with_signature(lambda f, s: b"\0")),
    ("the SHA-256 digest of the signing input", BAD_SIGNATURE, unsigned_digest),
    ("ASCII text", BAD_SIGNATURE, with_signature(lambda f, s: b"signature")),
]  # fmt: skip

NOT_ALLOWED = "403 caller_not_allowed"

# These cases need a host with AAD_FUNC_ALLOWED_CALLERS=CALLER.
ALLOWED_CALLERS: list[Case] = [
    ("allowed caller", "200 application", claiming()),
    ("allowed caller, v1 token", "200 application", claiming(version=1)),
    ("allowed caller on behalf of a user", "200 user", claiming(user=True, azp=CALLER, azpacr="2")),
    ("another application with the role", NOT_ALLOWED, claiming(azp="1de00002-c11d-4000-8000-000000000000")),
    (
        "another application with the role, v1 token",
        NOT_ALLOWED,
        claiming(version=1, appid="1de00002-c11d-4000-8000-000000000000"),
    ),
    ("another application on behalf of a user", NOT_ALLOWED, claiming(user=True, azpacr="2")),
    ("allowed client ID in uppercase", NOT_ALLOWED, claiming(azp=CALLER.upper())),
    ("allowed client ID with a leading space", NOT_ALLOWED, claiming(azp=f" {CALLER}")),
    ("two client IDs in one string", NOT_ALLOWED, claiming(azp=f"{AZURE_CLI},{CALLER}")),
    ("allowed client ID without its last character", NOT_ALLOWED, claiming(azp=CALLER[:-1])),
    ("object ID of the allowed caller as azp", NOT_ALLOWED, claiming(azp=CALLER_OBJECT)),
    ("allowed client ID in appid of a v2 token", NOT_ALLOWED, claiming(azp=AZURE_CLI, appid=CALLER)),
    ("allowed client ID in azp of a v1 token", NOT_ALLOWED, claiming(version=1, appid=AZURE_CLI, azp=CALLER)),
    (
        "allowed client ID in azp_name and client_id",
        NOT_ALLOWED,
        claiming(azp=AZURE_CLI, azp_name=CALLER, client_id=CALLER),
    ),
    ("allowed caller without the role", MISSING_ROLE, claiming(roles=["Other"])),
    ("allowed caller, authenticated by a secret", "200 application", claiming(azpacr="1")),
    *((f"allowed caller, azpacr: {acr!r}", NOT_ALLOWED, claiming(azpacr=acr)) for acr in ("0", "", "3", "1,2")),
    ("allowed caller, appidacr: '0', v1 token", NOT_ALLOWED, claiming(version=1, appidacr="0")),
    ("allowed caller without azpacr", NOT_ALLOWED, claiming(azpacr=GONE)),
    ("allowed caller without appidacr, v1 token", NOT_ALLOWED, claiming(version=1, appidacr=GONE)),
    ("allowed caller, v2 token with appidacr instead of azpacr", NOT_ALLOWED, claiming(azpacr=GONE, appidacr="2")),
    ("allowed caller, azpacr is a number", INVALID, claiming(azpacr=2)),
]
