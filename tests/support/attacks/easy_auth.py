"""X-MS-CLIENT-PRINCIPAL where Easy Auth is on: malformed, foreign, contradictory, or beside a bearer token."""

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
    """A good principal's claims as Easy Auth writes them; GONE leaves one out, `more` come behind."""
    good = {
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
    pairs = [*({**good, **changes}).items(), *more]
    return [{"typ": name, "val": value} for name, value in pairs if value is not GONE]


def document(claims_: Any, **changes: Any) -> dict[str, Any]:
    whole = {"auth_typ": "aad", "claims": claims_, "name_typ": f"{SOAP}emailaddress", "role_typ": ROLE, **changes}
    return {name: value for name, value in whole.items() if value is not GONE}


def header(principal: Any) -> Call:
    """A principal, or bytes in its place, as the header."""
    text = principal if isinstance(principal, bytes) else json.dumps(principal).encode()
    return Call(((NAME, base64.b64encode(text).decode()),))


def claiming(*more: tuple[str, str], **changes: Any) -> Callable[[Forge], Call]:
    return lambda forge: header(document(entries(forge, *more, **changes)))


def saying(**changes: Any) -> Callable[[Forge], Call]:
    return lambda forge: header(document(entries(forge), **changes))


def with_entries(*odd: Any) -> Callable[[Forge], Call]:
    return lambda forge: header(document([*entries(forge), *odd]))


def text(change: Callable[[str], str]) -> Callable[[Forge], Call]:
    """The header of a good principal, changed as text."""
    return lambda forge: Call(((NAME, change(claiming()(forge).headers[0][1])),))


def beside(call: Callable[[Forge], Call], token: Callable[[Forge], str]) -> Callable[[Forge], Call]:
    return lambda forge: Call((*call(forge).headers, ("Authorization", f"Bearer {token(forge)}")))


def nothing(forge: Forge) -> Call:
    return Call()


def user(forge: Forge, *more: tuple[str, str], **changes: Any) -> Call:
    oid, sub = f"{ENTRA}objectidentifier", f"{SOAP}nameidentifier"
    return claiming(*more, **{oid: USER_OBJECT, sub: "pairwise", f"{ENTRA}scope": "user_impersonation", **changes})(
        forge
    )


SHORT = {f"{ENTRA}objectidentifier": GONE, f"{SOAP}nameidentifier": GONE, f"{ENTRA}tenantid": GONE}

LET_IN: list[Case] = [
    ("long names, as with the token store", "200 application", claiming()),
    (
        "short names, as without it",
        "200 application",
        lambda f: claiming(oid=CALLER_OBJECT, sub=CALLER_OBJECT, tid=f.azure.directory.tenant_id, **SHORT)(f),
    ),
    ("a user", "200 user", user),
    ("a user whose scope has its short name", "200 user",
     lambda f: user(f, scp="user_impersonation", **{f"{ENTRA}scope": GONE})),
    ("version 1", "200 application",
     lambda f: claiming(azp=GONE, appid=CALLER, ver="1.0", aud=f.api.app_id_uris[0])(f)),
    ("two roles", "200 application", claiming(("roles", "Other"))),
    ("the role under the WS-2008 name", "200 application", claiming(roles=GONE, **{ROLE: "DoAll"})),
    ("no role_typ", "200 application", saying(role_typ=GONE)),
    ("role_typ of another type", "200 application", saying(role_typ=["roles"])),
    ("two groups", "200 application", claiming(("groups", "a"), ("groups", "b"))),
    ("32 KB", "200 application", claiming(("extra", "x" * 24_000))),
    ("no token is needed", "200 application", beside(claiming(), lambda f: "x.y.z")),
    ("an expired token beside it", "200 application", beside(claiming(), lambda f: f.token(exp=1_700_000_000))),
]  # fmt: skip

BROKEN: list[Case] = [
    ("no header", MISSING, nothing),
    ("no header, and a good token", MISSING, beside(nothing, lambda f: f.token())),
    ("an empty header", MISSING, text(lambda _: "")),
    ("not base64", MISSING, text(lambda _: "!")),
    ("base64url where base64 is due", MISSING, text(lambda s: "-_" + s[2:])),
    ("a character too many", MISSING, text(lambda s: s.rstrip("=") + "A" * (5 - len(s.rstrip("=")) % 4))),
    ("no padding", MISSING, text(lambda _: "e30")),
    ("white space inside", MISSING, text(lambda s: s[:8] + " " + s[8:])),
    ("two headers", MISSING, lambda f: Call(claiming()(f).headers * 2)),
    ("another header's value", MISSING, text(lambda _: CALLER)),
    ("JSON without base64", MISSING, text(lambda _: '{"auth_typ": "aad", "claims": []}')),
    ("no JSON", MISSING, lambda f: header(b"principal")),
    ("random bytes", MISSING, lambda f: header(bytes(range(256)))),
    ("a list", MISSING, lambda f: header([document(entries(f))])),
    ("a string", MISSING, lambda f: header("aad")),
    ("null", MISSING, lambda f: header(None)),
    ("two objects", MISSING, lambda f: header(json.dumps(document(entries(f))).encode() * 2)),
    ("a member twice", MISSING, lambda f: header(json.dumps(document(entries(f)))[:-1].encode() + b', "claims": []}')),
    ("NaN", MISSING, saying(extra=float("nan"))),
    ("5,000 lists deep", MISSING, lambda f: header(b"[" * 5000 + b"]" * 5000)),
    ("UTF-16", MISSING, lambda f: header(json.dumps(document(entries(f))).encode("utf-16"))),
    ("half of a surrogate pair", MISSING, claiming(("extra", "\ud800"))),
    ("auth_typ: another provider", MISSING, saying(auth_typ="google")),
    ("auth_typ: another case", MISSING, saying(auth_typ="AAD")),
    ("auth_typ: in a list", MISSING, saying(auth_typ=["aad"])),
    ("auth_typ: none", MISSING, saying(auth_typ=GONE)),
    ("claims: none", MISSING, saying(claims=GONE)),
    ("claims: null", MISSING, saying(claims=None)),
    ("claims: an object", MISSING, saying(claims={"roles": "DoAll"})),
    ("claims: a string", MISSING, saying(claims="roles")),
    ("claim: a string", MISSING, with_entries("roles")),
    ("claim: null", MISSING, with_entries(None)),
    ("claim: a list", MISSING, with_entries(["roles", "DoAll"])),
    ("claim: no type", MISSING, with_entries({"val": "x"})),
    ("claim: no value", MISSING, with_entries({"typ": "x"})),
    ("claim: the type is a list", MISSING, with_entries({"typ": ["roles"], "val": "DoAll"})),
    ("claim: the value is a list", MISSING, with_entries({"typ": "roles", "val": ["DoAll"]})),
    ("claim: the value is a number", MISSING, with_entries({"typ": "x", "val": 1})),
]

TWICE: list[Case] = [
    *(
        (f"{name} twice, and a contradiction", MISSING, claiming((name, GUID)))
        for name in ("aud", "iss", "azp", "ver", *SHORT)
    ),
    *(
        (f"{name} by both of its names", MISSING, claiming((name, GUID)))
        for name in ("tid", "oid", "sub")
    ),
    ("aud twice, the same", MISSING, lambda f: claiming(("aud", f.api.client_id))(f)),
    ("scp twice", MISSING, lambda f: user(f, ("scp", "user_impersonation"))),
    ("idtyp twice", MISSING, claiming(("idtyp", "app"), idtyp="app")),
    ("appid twice", MISSING, claiming(("appid", CALLER), appid=CALLER)),
]  # fmt: skip

FOREIGN: list[Case] = [
    ("another tenant", "401 wrong_tenant", claiming(**{f"{ENTRA}tenantid": GUID})),
    ("no tenant", "401 invalid_claims", claiming(**{f"{ENTRA}tenantid": GONE})),
    ("another audience", "401 wrong_audience", claiming(aud=GUID)),
    ("no audience", "401 invalid_claims", claiming(aud=GONE)),
    ("no calling application", "401 invalid_claims", claiming(azp=GONE)),
    ("two audiences in one", "401 wrong_audience", lambda f: claiming(aud=f"{GUID},{f.api.client_id}")(f)),
    ("an ID token's claims", "401 not_an_access_token", lambda f: user(f, **{f"{ENTRA}scope": GONE})),
    ("no claims at all", "401 not_an_access_token", lambda f: header(document([]))),
    ("an application with a scope", "401 not_an_access_token", claiming(idtyp="app", scp="user_impersonation")),
    ("no role", "403 missing_role", claiming(roles=GONE)),
    ("another role", "403 missing_role", claiming(roles="Other")),
    ("another case", "403 missing_role", claiming(roles="doall")),
    ("roles in one string", "403 missing_role", claiming(roles="Other,DoAll")),
    ("a JSON list as a string", "403 missing_role", claiming(roles='["DoAll"]')),
    *(
        (f"the role as {claim}, by role_typ", "403 missing_role",
         lambda f, claim=claim: header(document(entries(f, roles=GONE, **{claim: "DoAll"}), role_typ=claim)))
        for claim in ("app_role", "name", "groups", f"{SOAP}emailaddress")
    ),
    ("bound to a key (RFC 7800)", "401 unsupported_token", claiming(cnf='{"kid": "x"}')),
    ("a claim that looks like a role's", "403 missing_role", claiming(roles=GONE, role="DoAll", Roles="DoAll")),
    ("a user without the scope", "403 missing_scope", lambda f: user(f, **{f"{ENTRA}scope": "Files.Read"})),
    ("no role, and a token that has it", "403 missing_role", beside(claiming(roles=GONE), lambda f: f.token())),
    ("another tenant, and a good token", "401 wrong_tenant",
     beside(claiming(**{f"{ENTRA}tenantid": GUID}), lambda f: f.token())),
    ("malformed, and a good token", MISSING, beside(text(lambda _: "!"), lambda f: f.token())),
]  # fmt: skip
