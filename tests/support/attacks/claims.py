"""Claims of properly signed tokens: times, issuer, tenant, audience and the kind of token."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.support.attacks import Case
from tests.support.forge import CALLER, GONE, Forge

GUID = "99999999-9999-4999-8999-999999999999"
INVALID = "401 invalid_claims"


def claiming(*, version: int = 2, user: bool = False, **changes: Any) -> Callable[[Forge], str]:
    """Return a function that creates a token with these claims changed. A callable value takes the Forge."""

    def make(forge: Forge) -> str:
        claims = {name: value(forge) if callable(value) else value for name, value in changes.items()}
        return forge.token(version=version, user=user, **claims)

    return make


def from_now(seconds: float) -> Callable[[Forge], float]:
    return lambda _: int(time.time()) + seconds


def scientific_exp(forge: Forge) -> str:
    return forge.sign(json.dumps(forge.claims(exp=0)).replace('"exp": 0', '"exp": 9e9').encode())


INVALID_TIMES = (None, True, False, "", "9000000000", [], [9e9], {}, 0, -1, 10**11, 10**12, 10**4000, "NaN", 1e300)

TIMES: list[Case] = [
    ("exp with a fraction (RFC 7519 section 2)", "200 application", claiming(exp=from_now(60.5))),
    ("exp in scientific notation", "200 application", scientific_exp),
    ("expired, within the leeway", "200 application", claiming(exp=from_now(-280))),
    ("not yet valid, within the leeway", "200 application", claiming(nbf=from_now(280))),
    ("no nbf", "200 application", claiming(nbf=GONE)),
    ("no iat", "200 application", claiming(iat=GONE)),
    ("expired, beyond the leeway", "401 token_expired", claiming(exp=from_now(-301))),
    ("expired, beyond the leeway, with a fraction", "401 token_expired", claiming(exp=from_now(-301.5))),
    ("expired in 1970", "401 token_expired", claiming(exp=1)),
    ("exp is a tiny positive number", "401 token_expired", claiming(exp=1e-300)),
    ("not yet valid, beyond the leeway", "401 token_not_yet_valid", claiming(nbf=from_now(330))),
    ("nbf in the year 5138", "401 token_not_yet_valid", claiming(nbf=99_999_999_999)),
    ("no exp", INVALID, claiming(exp=GONE)),
    ("exp in milliseconds", INVALID, claiming(exp=lambda _: int(time.time() * 1000))),
    *((f"invalid exp: {str(value)[:20]!r}", INVALID, claiming(exp=value)) for value in INVALID_TIMES),
    *((f"invalid nbf: {str(value)[:20]!r}", INVALID, claiming(nbf=value)) for value in INVALID_TIMES),
]


def issuer(change: Callable[[str], Any], version: int = 2) -> Callable[[Forge], str]:
    return claiming(version=version, iss=lambda forge: change(forge.azure.issuer.issuer(version)))


WRONG_ISSUER = "401 wrong_issuer"

ISSUER: list[Case] = [
    ("v1 token", "200 application", claiming(version=1)),
    ("v2 issuer with a trailing slash", WRONG_ISSUER, issuer(lambda iss: iss + "/")),
    ("v1 issuer without its trailing slash", WRONG_ISSUER, issuer(lambda iss: iss.rstrip("/"), 1)),
    ("uppercase", WRONG_ISSUER, issuer(str.upper)),
    ("http instead of https", WRONG_ISSUER, issuer(lambda iss: iss.replace("https:", "http:"))),
    ("another host", WRONG_ISSUER, issuer(lambda iss: iss.replace("127.0.0.1", "localhost"))),
    ("another port", WRONG_ISSUER, issuer(lambda iss: iss.replace("127.0.0.1:", "127.0.0.1:1"))),
    ("another host as the user name", WRONG_ISSUER, issuer(lambda iss: iss.replace("//", "//evil.example@"))),
    ("in the query of another URL", WRONG_ISSUER, issuer(lambda iss: f"https://evil.example/?{iss}")),
    ("with a suffix", WRONG_ISSUER, issuer(lambda iss: iss + ".evil.example")),
    ("with a trailing space", WRONG_ISSUER, issuer(lambda iss: iss + " ")),
    ("with an empty query", WRONG_ISSUER, issuer(lambda iss: iss + "?")),
    ("with a percent-encoded dot", WRONG_ISSUER, issuer(lambda iss: iss.replace("v2.0", "v2%2E0"))),
    ("with a dot segment in the path", WRONG_ISSUER, issuer(lambda iss: iss.replace("/v2.0", "/./v2.0"))),
    ("another tenant", WRONG_ISSUER, lambda f: issuer(lambda iss: iss.replace(f.azure.directory.tenant_id, GUID))(f)),
    *(
        (f"multitenant issuer: {name}", WRONG_ISSUER,
         lambda f, name=name: issuer(lambda iss: iss.replace(f.azure.directory.tenant_id, name))(f))
        for name in ("common", "organizations", "consumers", "{tenantid}")
    ),
    ("another tenant of the public cloud", WRONG_ISSUER, claiming(iss=f"https://login.microsoftonline.com/{GUID}/v2.0")),
    ("another tenant of the public cloud, v1", WRONG_ISSUER, claiming(iss=f"https://sts.windows.net/{GUID}/")),
    ("a list", WRONG_ISSUER, issuer(lambda iss: [iss])),
    ("an object", WRONG_ISSUER, issuer(lambda iss: {"iss": iss})),
    ("null", WRONG_ISSUER, claiming(iss=None)),
    ("empty", WRONG_ISSUER, claiming(iss="")),
    ("missing", WRONG_ISSUER, claiming(iss=GONE)),
    ("v1 token with ver 2.0", WRONG_ISSUER, claiming(version=1, ver="2.0", azp=CALLER)),
    ("v2 token with ver 1.0", WRONG_ISSUER, claiming(ver="1.0", appid=CALLER)),
    ("v2 token with the v1 issuer", WRONG_ISSUER, claiming(iss=lambda forge: forge.azure.issuer.issuer(1))),
    ("v1 token with the v2 issuer", WRONG_ISSUER, claiming(version=1, iss=lambda f: f.azure.issuer.issuer(2))),
    *(
        (f"ver: {ver!r}", INVALID, claiming(ver=ver))
        for ver in ("", "2", "2.00", "2.0 ", "v2.0", "3.0", "0", "1.0,2.0", 2, 2.0, True, None, ["2.0"], {"2.0": 1})
    ),
    ("no ver", INVALID, claiming(ver=GONE)),
]  # fmt: skip

WRONG_TENANT, WRONG_AUDIENCE = "401 wrong_tenant", "401 wrong_audience"


def audience(change: Callable[[str], Any], version: int = 2) -> Callable[[Forge], str]:
    return claiming(version=version, aud=lambda forge: change(forge.api.client_id))


TENANT_AND_AUDIENCE: list[Case] = [
    ("tid: another tenant", WRONG_TENANT, claiming(tid=GUID)),
    ("tid: uppercase", WRONG_TENANT, claiming(tid=lambda f: f.azure.directory.tenant_id.upper())),
    ("tid: in braces", WRONG_TENANT, claiming(tid=lambda f: f"{{{f.azure.directory.tenant_id}}}")),
    ("tid: two in one string", WRONG_TENANT, claiming(tid=lambda f: f"{GUID},{f.azure.directory.tenant_id}")),
    ("tid: with a trailing space", WRONG_TENANT, claiming(tid=lambda f: f.azure.directory.tenant_id + " ")),
    ("tid: the template {tenantid}", WRONG_TENANT, claiming(tid="{tenantid}")),
    *((f"tid: {value!r}", INVALID, claiming(tid=value)) for value in ("", None, 1, True, ["a"], {})),
    ("tid: missing", INVALID, claiming(tid=GONE)),
    ("tid: a list", INVALID, claiming(tid=lambda f: [f.azure.directory.tenant_id])),
    ("aud: App ID URI", "200 application", audience(lambda aud: f"api://{aud}")),
    ("aud: client ID in a v1 token", "200 application", audience(lambda aud: aud, 1)),
    ("aud: another API of this tenant", WRONG_AUDIENCE, claiming(aud="aad00003-c11d-4000-8000-000000000000")),
    ("aud: Microsoft Graph", WRONG_AUDIENCE, claiming(aud="https://graph.microsoft.com")),
    ("aud: Microsoft Graph's client ID", WRONG_AUDIENCE, claiming(aud="00000003-0000-0000-c000-000000000000")),
    ("aud: Entra's token exchange", WRONG_AUDIENCE, claiming(aud="api://AzureADTokenExchange")),
    ("aud: the caller's client ID", WRONG_AUDIENCE, claiming(aud=CALLER)),
    ("aud: App ID URI with a trailing slash", WRONG_AUDIENCE, audience(lambda aud: f"api://{aud}/")),
    ("aud: the requested scope", WRONG_AUDIENCE, audience(lambda aud: f"api://{aud}/.default")),
    ("aud: App ID URI with https instead of api", WRONG_AUDIENCE, audience(lambda aud: f"https://{aud}")),
    ("aud: uppercase client ID", WRONG_AUDIENCE, audience(str.upper)),
    ("aud: App ID URI with an uppercase scheme", WRONG_AUDIENCE, audience(lambda aud: f"API://{aud}")),
    ("aud: with the prefix spn", WRONG_AUDIENCE, audience(lambda aud: f"spn:{aud}")),
    ("aud: with a trailing space", WRONG_AUDIENCE, audience(lambda aud: f"{aud} ")),
    ("aud: two in one string", WRONG_AUDIENCE, audience(lambda aud: f"{aud},{GUID}")),
    ("aud: without its last character", WRONG_AUDIENCE, audience(lambda aud: aud[:-1])),
    ("aud: an asterisk", WRONG_AUDIENCE, claiming(aud="*")),
    ("aud: a list of one", INVALID, audience(lambda aud: [aud])),
    ("aud: a list of two", INVALID, audience(lambda aud: [aud, GUID])),
    ("aud: an object", INVALID, audience(lambda aud: {aud: True})),
    *((f"aud: {value!r}", INVALID, claiming(aud=value)) for value in ("", None, True, 0, [])),
    ("aud: missing", INVALID, claiming(aud=GONE)),
]

OTHER_KIND = "401 not_an_access_token"

KIND: list[Case] = [
    *(
        (f"bound to a key (RFC 7800), cnf: {cnf!r}", "401 unsupported_token", claiming(cnf=cnf))
        for cnf in ({"jkt": "x"}, {"kid": "x"}, None, "")
    ),
    ("an application with idtyp app", "200 application", claiming(idtyp="app")),
    ("a user", "200 user", claiming(user=True)),
    ("a user with a v1 token", "200 user", claiming(user=True, version=1)),
    ("a user with idtyp user", "200 user", claiming(user=True, idtyp="user")),
    ("an ID token without azp", OTHER_KIND,
     claiming(user=True, scp=GONE, nonce="n", azp=GONE, preferred_username="a@b")),
    ("an ID token with azp", OTHER_KIND, claiming(user=True, scp=GONE, nonce="n")),
    ("no scp, and sub is not oid", OTHER_KIND, claiming(sub="another subject")),
    ("no oid", OTHER_KIND, claiming(oid=GONE)),
    ("no sub", OTHER_KIND, claiming(sub=GONE)),
    ("no oid and no sub", OTHER_KIND, claiming(oid=GONE, sub=GONE)),
    ("oid and sub both empty", OTHER_KIND, claiming(oid="", sub="")),
    ("sub is oid in uppercase", OTHER_KIND, claiming(sub="1DE00001-0B1D-4000-8000-000000000000")),
    ("idtyp app with a scope", OTHER_KIND, claiming(idtyp="app", scp="user_impersonation")),
    ("idtyp user without a scope", OTHER_KIND, claiming(user=True, idtyp="user", scp=GONE)),
    ("scp: empty", OTHER_KIND, claiming(scp="")),
    ("scp: only spaces", OTHER_KIND, claiming(scp="   ")),
    ("idtyp: device", OTHER_KIND, claiming(idtyp="device")),
    ("idtyp: capitalized", OTHER_KIND, claiming(idtyp="App")),
    *((f"scp: {value!r}", INVALID, claiming(scp=value)) for value in (None, True, 1, ["user_impersonation"], {})),
    *((f"idtyp: {value!r}", INVALID, claiming(idtyp=value)) for value in (None, True, ["app"], {"app": 1})),
    *((f"oid and sub: {value!r}", INVALID, claiming(oid=value, sub=value)) for value in (None, True, 7, ["a"], {})),
    *((f"azp: {value!r}", INVALID, claiming(azp=value)) for value in ("", None, True, 7, [CALLER], {})),
    ("v2 token without azp", INVALID, claiming(azp=GONE)),
    ("v2 token with appid instead of azp", INVALID, claiming(azp=GONE, appid=CALLER)),
    ("v1 token with azp instead of appid", INVALID, claiming(version=1, appid=GONE, azp=CALLER)),
]  # fmt: skip
