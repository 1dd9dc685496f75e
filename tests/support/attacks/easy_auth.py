"""X-MS-CLIENT-PRINCIPAL with Easy Auth enabled, alone or with a bearer token."""

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.support.attacks import Case
from tests.support.attacks.claims import GUID
from tests.support.forge import CALLER, CALLER_OBJECT, GONE, USER_OBJECT, Forge
from tests.support.wire import Call

NAME = "X-MS-CLIENT-PRINCIPAL"
ENTRA = "http://schemas.microsoft.com/identity/claims/"
SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
ROLE = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
MISSING = "401 missing_principal"


def entries(forge: Forge, *more: tuple[str, str], **changes: Any) -> list[dict[str, str]]:
    """Return a valid principal's claims as Easy Auth writes them. GONE omits a claim; `more` are appended."""
    valid = {
        "aud": forge.api.client_id,
        "iss": forge.azure.issuer.issuer(2),
        "azp": CALLER,
        "azpacr": "2",
        f"{ENTRA}objectidentifier": CALLER_OBJECT,
        f"{SOAP}nameidentifier": CALLER_OBJECT,
        f"{ENTRA}tenantid": forge.azure.directory.tenant_id,
        "roles": "DoAll",
        "ver": "2.0",
    }
    pairs = [*({**valid, **changes}).items(), *more]
    return [{"typ": name, "val": value} for name, value in pairs if value is not GONE]


def document(claims_: Any, **changes: Any) -> dict[str, Any]:
    members = {"auth_typ": "aad", "claims": claims_, "name_typ": f"{SOAP}emailaddress", "role_typ": ROLE, **changes}
    return {name: value for name, value in members.items() if value is not GONE}


def header(principal: Any) -> Call:
    """Return a request with this principal, or with these bytes instead of JSON."""
    text = principal if isinstance(principal, bytes) else json.dumps(principal).encode()
    return Call(((NAME, base64.b64encode(text).decode()),))


def claiming(*more: tuple[str, str], **changes: Any) -> Callable[[Forge], Call]:
    return lambda forge: header(document(entries(forge, *more, **changes)))


def with_members(**changes: Any) -> Callable[[Forge], Call]:
    return lambda forge: header(document(entries(forge), **changes))


def with_entries(*extra: Any) -> Callable[[Forge], Call]:
    return lambda forge: header(document([*entries(forge), *extra]))


def with_value(change: Callable[[str], str]) -> Callable[[Forge], Call]:
    """Return a function that creates a request with a valid principal and changes the header's value."""
    return lambda forge: Call(((NAME, change(claiming()(forge).headers[0][1])),))


def unpadded(forge: Forge) -> Call:
    for extra in ("", "x", "xx"):
        value = claiming(("extra", extra))(forge).headers[0][1]
        if value.endswith("="):
            return Call(((NAME, value.rstrip("=")),))
    raise AssertionError("no value needs padding")


def with_token(call: Callable[[Forge], Call], token: Callable[[Forge], str]) -> Callable[[Forge], Call]:
    return lambda forge: Call((*call(forge).headers, ("Authorization", f"Bearer {token(forge)}")))


def no_headers(forge: Forge) -> Call:
    return Call()


def user(forge: Forge, *more: tuple[str, str], **changes: Any) -> Call:
    oid, sub = f"{ENTRA}objectidentifier", f"{SOAP}nameidentifier"
    return claiming(*more, **{oid: USER_OBJECT, sub: "pairwise", f"{ENTRA}scope": "user_impersonation", **changes})(
        forge
    )


NO_LONG_NAMES = {f"{ENTRA}objectidentifier": GONE, f"{SOAP}nameidentifier": GONE, f"{ENTRA}tenantid": GONE}

ACCEPTED: list[Case] = [
    ("long claim names, as with the token store", "200 application", claiming()),
    (
        "short claim names, as without the token store",
        "200 application",
        lambda f: claiming(oid=CALLER_OBJECT, sub=CALLER_OBJECT, tid=f.azure.directory.tenant_id, **NO_LONG_NAMES)(f),
    ),
    ("a user", "200 user", user),
    ("a user whose scope has its short claim name", "200 user",
     lambda f: user(f, scp="user_impersonation", **{f"{ENTRA}scope": GONE})),
    ("a v1 token's claims", "200 application",
     lambda f: claiming(azp=GONE, appid=CALLER, ver="1.0", aud=f.api.app_id_uris[0])(f)),
    ("two roles", "200 application", claiming(("roles", "Other"))),
    ("the role under its long claim name", "200 application", claiming(roles=GONE, **{ROLE: "DoAll"})),
    ("role_typ: missing", "200 application", with_members(role_typ=GONE)),
    ("role_typ: a list", "200 application", with_members(role_typ=["roles"])),
    ("two groups", "200 application", claiming(("groups", "a"), ("groups", "b"))),
    ("a header of 32 KB", "200 application", claiming(("extra", "x" * 24_000))),
    ("an invalid bearer token is ignored", "200 application", with_token(claiming(), lambda f: "x.y.z")),
    ("an expired bearer token is ignored", "200 application",
     with_token(claiming(), lambda f: f.token(exp=1_700_000_000))),
]  # fmt: skip

MALFORMED: list[Case] = [
    ("no header", MISSING, no_headers),
    ("no header, and a valid token", MISSING, with_token(no_headers, lambda f: f.token())),
    ("an empty header", MISSING, with_value(lambda _: "")),
    ("not base64", MISSING, with_value(lambda _: "!")),
    ("base64url instead of base64", MISSING, with_value(lambda s: "-_" + s[2:])),
    ("a length of 4n+1 characters", MISSING, with_value(lambda s: s.rstrip("=") + "A" * (5 - len(s.rstrip("=")) % 4))),
    ("no padding", MISSING, unpadded),
    ("white space inside the value", MISSING, with_value(lambda s: s[:8] + " " + s[8:])),
    ("two headers", MISSING, lambda f: Call(claiming()(f).headers * 2)),
    ("a client ID", MISSING, with_value(lambda _: CALLER)),
    ("JSON without base64", MISSING, with_value(lambda _: '{"auth_typ": "aad", "claims": []}')),
    ("not JSON", MISSING, lambda f: header(b"principal")),
    ("all 256 byte values", MISSING, lambda f: header(bytes(range(256)))),
    ("a JSON list", MISSING, lambda f: header([document(entries(f))])),
    ("a JSON string", MISSING, lambda f: header("aad")),
    ("JSON null", MISSING, lambda f: header(None)),
    ("two JSON objects", MISSING, lambda f: header(json.dumps(document(entries(f))).encode() * 2)),
    (
        "a duplicate member",
        MISSING,
        lambda f: header(json.dumps(document(entries(f)))[:-1].encode() + b', "claims": []}'),
    ),
    ("NaN", MISSING, with_members(extra=float("nan"))),
    ("5,000 nested lists", MISSING, lambda f: header(b"[" * 5000 + b"]" * 5000)),
    ("UTF-16", MISSING, lambda f: header(json.dumps(document(entries(f))).encode("utf-16"))),
    ("an unpaired surrogate", MISSING, claiming(("extra", "\ud800"))),
    ("auth_typ: another provider", MISSING, with_members(auth_typ="google")),
    ("auth_typ: uppercase", MISSING, with_members(auth_typ="AAD")),
    ("auth_typ: a list", MISSING, with_members(auth_typ=["aad"])),
    ("auth_typ: missing", MISSING, with_members(auth_typ=GONE)),
    ("claims: missing", MISSING, with_members(claims=GONE)),
    ("claims: null", MISSING, with_members(claims=None)),
    ("claims: an object", MISSING, with_members(claims={"roles": "DoAll"})),
    ("claims: a string", MISSING, with_members(claims="roles")),
    ("claim: a string", MISSING, with_entries("roles")),
    ("claim: null", MISSING, with_entries(None)),
    ("claim: a list", MISSING, with_entries(["roles", "DoAll"])),
    ("claim: no type", MISSING, with_entries({"val": "x"})),
    ("claim: no value", MISSING, with_entries({"typ": "x"})),
    ("claim: the type is a list", MISSING, with_entries({"typ": ["roles"], "val": "DoAll"})),
    ("claim: the value is a list", MISSING, with_entries({"typ": "roles", "val": ["DoAll"]})),
    ("claim: the value is a number", MISSING, with_entries({"typ": "x", "val": 1})),
]

DUPLICATES: list[Case] = [
    *(
        (f"duplicate {name} with different values", MISSING, claiming((name, GUID)))
        for name in ("aud", "iss", "azp", "ver", *NO_LONG_NAMES)
    ),
    *(
        (f"short and long name of {name} with different values", MISSING, claiming((name, GUID)))
        for name in ("tid", "oid", "sub")
    ),
    ("duplicate aud with the same value", MISSING, lambda f: claiming(("aud", f.api.client_id))(f)),
    ("short and long name of scp with the same value", MISSING, lambda f: user(f, ("scp", "user_impersonation"))),
    ("duplicate idtyp with the same value", MISSING, claiming(("idtyp", "app"), idtyp="app")),
    ("duplicate appid with the same value", MISSING, claiming(("appid", CALLER), appid=CALLER)),
]  # fmt: skip

REJECTED: list[Case] = [
    ("another tenant", "401 wrong_tenant", claiming(**{f"{ENTRA}tenantid": GUID})),
    ("no tenant", "401 invalid_claims", claiming(**{f"{ENTRA}tenantid": GONE})),
    ("another audience", "401 wrong_audience", claiming(aud=GUID)),
    ("no audience", "401 invalid_claims", claiming(aud=GONE)),
    ("no client ID", "401 invalid_claims", claiming(azp=GONE)),
    ("two audiences in one string", "401 wrong_audience", lambda f: claiming(aud=f"{GUID},{f.api.client_id}")(f)),
    ("an ID token's claims", "401 not_an_access_token", lambda f: user(f, **{f"{ENTRA}scope": GONE})),
    ("no claims", "401 not_an_access_token", lambda f: header(document([]))),
    ("an application with a scope", "401 not_an_access_token", claiming(idtyp="app", scp="user_impersonation")),
    ("no role", "403 missing_role", claiming(roles=GONE)),
    ("another role", "403 missing_role", claiming(roles="Other")),
    ("the role in another case", "403 missing_role", claiming(roles="doall")),
    ("two roles in one string", "403 missing_role", claiming(roles="Other,DoAll")),
    ("a JSON list of roles in one string", "403 missing_role", claiming(roles='["DoAll"]')),
    *(
        (f"the role in {claim}, which role_typ names", "403 missing_role",
         lambda f, claim=claim: header(document(entries(f, roles=GONE, **{claim: "DoAll"}), role_typ=claim)))
        for claim in ("app_role", "name", "groups", f"{SOAP}emailaddress")
    ),
    ("bound to a key (RFC 7800)", "401 unsupported_token", claiming(cnf='{"kid": "x"}')),
    ("the role in claims with similar names", "403 missing_role", claiming(roles=GONE, role="DoAll", Roles="DoAll")),
    ("a user without the scope", "403 missing_scope", lambda f: user(f, **{f"{ENTRA}scope": "Files.Read"})),
    ("no role, and a token with the role", "403 missing_role", with_token(claiming(roles=GONE), lambda f: f.token())),
    ("another tenant, and a valid token", "401 wrong_tenant",
     with_token(claiming(**{f"{ENTRA}tenantid": GUID}), lambda f: f.token())),
    ("malformed, and a valid token", MISSING, with_token(with_value(lambda _: "!"), lambda f: f.token())),
]  # fmt: skip
