"""What a properly signed token may claim: times, issuer, tenant, audience, and what kind of token it is."""

import time
from collections.abc import Callable
from typing import Any

from tests.support.attacks import Case
from tests.support.forge import CALLER, GONE, Forge

GUID = "99999999-9999-4999-8999-999999999999"
INVALID = "401 invalid_claims"


def claiming(*, version: int = 2, user: bool = False, **changes: Any) -> Callable[[Forge], str]:
    """A token that is good but for `changes`; one that is a function is given the forge."""

    def make(forge: Forge) -> str:
        made = {name: value(forge) if callable(value) else value for name, value in changes.items()}
        return forge.token(version=version, user=user, **made)

    return make


def from_now(seconds: float) -> Callable[[Forge], float]:
    return lambda _: int(time.time()) + seconds


NO_TIMES = (None, True, False, "", "9000000000", [], [9_000_000_000], {}, 0, -1, 10**11, 10**12, 10**4000, "NaN", 1e300)

TIMES: list[Case] = [
    ("exp with a fraction, as RFC 7519 allows", "200 application", claiming(exp=from_now(60.5))),
    ("exp in scientific notation", "200 application", claiming(exp=9e9)),
    ("expired within the leeway", "200 application", claiming(exp=from_now(-280))),
    ("not valid yet within the leeway", "200 application", claiming(nbf=from_now(280))),
    ("no nbf", "200 application", claiming(nbf=GONE)),
    ("no iat", "200 application", claiming(iat=GONE)),
    ("expired beyond the leeway", "401 token_expired", claiming(exp=from_now(-301))),
    ("expired with a fraction", "401 token_expired", claiming(exp=from_now(-301.5))),
    ("expired in 1970", "401 token_expired", claiming(exp=1)),
    ("expired in 1970, by a hair", "401 token_expired", claiming(exp=1e-300)),
    ("not valid yet beyond the leeway", "401 token_not_yet_valid", claiming(nbf=from_now(330))),
    ("not valid in this millennium", "401 token_not_yet_valid", claiming(nbf=99_999_999_999)),
    ("no exp", INVALID, claiming(exp=GONE)),
    ("milliseconds", INVALID, claiming(exp=lambda _: int(time.time() * 1000))),
    *((f"exp is no time: {str(value)[:20]!r}", INVALID, claiming(exp=value)) for value in NO_TIMES),
    *((f"nbf is no time: {str(value)[:20]!r}", INVALID, claiming(nbf=value)) for value in NO_TIMES),
]


def issuer(change: Callable[[str], Any], version: int = 2) -> Callable[[Forge], str]:
    return claiming(version=version, iss=lambda forge: change(forge.azure.issuer.issuer(version)))


WRONG_ISSUER = "401 wrong_issuer"

ISSUER: list[Case] = [
    ("version 1", "200 application", claiming(version=1)),
    ("a trailing slash too many", WRONG_ISSUER, issuer(lambda iss: iss + "/")),
    ("a trailing slash too few", WRONG_ISSUER, issuer(lambda iss: iss.rstrip("/"), 1)),
    ("another case", WRONG_ISSUER, issuer(str.upper)),
    ("another scheme", WRONG_ISSUER, issuer(lambda iss: iss.replace("https:", "http:"))),
    ("another host", WRONG_ISSUER, issuer(lambda iss: iss.replace("127.0.0.1", "localhost"))),
    ("another port", WRONG_ISSUER, issuer(lambda iss: iss.replace("127.0.0.1:", "127.0.0.1:1"))),
    ("a user name in front of the host", WRONG_ISSUER, issuer(lambda iss: iss.replace("//", "//evil.example@"))),
    ("as a part of something longer", WRONG_ISSUER, issuer(lambda iss: f"https://evil.example/?{iss}")),
    ("with a suffix", WRONG_ISSUER, issuer(lambda iss: iss + ".evil.example")),
    ("with white space", WRONG_ISSUER, issuer(lambda iss: iss + " ")),
    ("with a query", WRONG_ISSUER, issuer(lambda iss: iss + "?")),
    ("percent-encoded", WRONG_ISSUER, issuer(lambda iss: iss.replace("v2.0", "v2%2E0"))),
    ("with dots in the path", WRONG_ISSUER, issuer(lambda iss: iss.replace("/v2.0", "/./v2.0"))),
    ("another tenant", WRONG_ISSUER, lambda f: issuer(lambda iss: iss.replace(f.azure.directory.tenant_id, GUID))(f)),
    *(
        (f"many tenants' issuer: {name}", WRONG_ISSUER,
         lambda f, name=name: issuer(lambda iss: iss.replace(f.azure.directory.tenant_id, name))(f))
        for name in ("common", "organizations", "consumers", "{tenantid}")
    ),
    ("the cloud's", WRONG_ISSUER, claiming(iss=f"https://login.microsoftonline.com/{GUID}/v2.0")),
    ("the cloud's version 1", WRONG_ISSUER, claiming(iss=f"https://sts.windows.net/{GUID}/")),
    ("in a list", WRONG_ISSUER, issuer(lambda iss: [iss])),
    ("in an object", WRONG_ISSUER, issuer(lambda iss: {"iss": iss})),
    ("null", WRONG_ISSUER, claiming(iss=None)),
    ("empty", WRONG_ISSUER, claiming(iss="")),
    ("missing", WRONG_ISSUER, claiming(iss=GONE)),
    ("version 1 that claims to be version 2", WRONG_ISSUER, claiming(version=1, ver="2.0", azp=CALLER)),
    ("version 2 that claims to be version 1", WRONG_ISSUER, claiming(ver="1.0", appid=CALLER)),
    ("version 2 with version 1's issuer", WRONG_ISSUER, claiming(iss=lambda forge: forge.azure.issuer.issuer(1))),
    ("version 1 with version 2's issuer", WRONG_ISSUER, claiming(version=1, iss=lambda f: f.azure.issuer.issuer(2))),
    *(
        (f"ver is {ver!r}", INVALID, claiming(ver=ver))
        for ver in ("", "2", "2.00", "2.0 ", "v2.0", "3.0", "0", "1.0,2.0", 2, 2.0, True, None, ["2.0"], {"2.0": 1})
    ),
    ("no ver", INVALID, claiming(ver=GONE)),
]  # fmt: skip

WRONG_TENANT, WRONG_AUDIENCE = "401 wrong_tenant", "401 wrong_audience"


def audience(change: Callable[[str], Any], version: int = 2) -> Callable[[Forge], str]:
    return claiming(version=version, aud=lambda forge: change(forge.api.client_id))


TENANT_AND_AUDIENCE: list[Case] = [
    ("tid: another tenant", WRONG_TENANT, claiming(tid=GUID)),
    ("tid: another case", WRONG_TENANT, claiming(tid=lambda f: f.azure.directory.tenant_id.upper())),
    ("tid: in braces", WRONG_TENANT, claiming(tid=lambda f: f"{{{f.azure.directory.tenant_id}}}")),
    ("tid: two", WRONG_TENANT, claiming(tid=lambda f: f"{GUID},{f.azure.directory.tenant_id}")),
    ("tid: with white space", WRONG_TENANT, claiming(tid=lambda f: f.azure.directory.tenant_id + " ")),
    ("tid: the template's text", WRONG_TENANT, claiming(tid="{tenantid}")),
    *((f"tid: {value!r}", INVALID, claiming(tid=value)) for value in ("", None, 1, True, ["a"], {})),
    ("tid: missing", INVALID, claiming(tid=GONE)),
    ("tid: in a list", INVALID, claiming(tid=lambda f: [f.azure.directory.tenant_id])),
    ("aud: App ID URI", "200 application", audience(lambda aud: f"api://{aud}")),
    ("aud: client id in version 1", "200 application", audience(lambda aud: aud, 1)),
    ("aud: another API of this tenant", WRONG_AUDIENCE, claiming(aud="aad00003-c11d-4000-8000-000000000000")),
    ("aud: Microsoft Graph", WRONG_AUDIENCE, claiming(aud="https://graph.microsoft.com")),
    ("aud: Graph's id", WRONG_AUDIENCE, claiming(aud="00000003-0000-0000-c000-000000000000")),
    ("aud: the token exchange", WRONG_AUDIENCE, claiming(aud="api://AzureADTokenExchange")),
    ("aud: the caller itself", WRONG_AUDIENCE, claiming(aud=CALLER)),
    ("aud: a trailing slash", WRONG_AUDIENCE, audience(lambda aud: f"api://{aud}/")),
    ("aud: the scope asked for", WRONG_AUDIENCE, audience(lambda aud: f"api://{aud}/.default")),
    ("aud: another scheme", WRONG_AUDIENCE, audience(lambda aud: f"https://{aud}")),
    ("aud: another case", WRONG_AUDIENCE, audience(str.upper)),
    ("aud: the scheme in another case", WRONG_AUDIENCE, audience(lambda aud: f"API://{aud}")),
    ("aud: spn: in front", WRONG_AUDIENCE, audience(lambda aud: f"spn:{aud}")),
    ("aud: with white space", WRONG_AUDIENCE, audience(lambda aud: f"{aud} ")),
    ("aud: two in one string", WRONG_AUDIENCE, audience(lambda aud: f"{aud},{GUID}")),
    ("aud: cut short", WRONG_AUDIENCE, audience(lambda aud: aud[:-1])),
    ("aud: a star", WRONG_AUDIENCE, claiming(aud="*")),
    ("aud: one in a list", INVALID, audience(lambda aud: [aud])),
    ("aud: two in a list", INVALID, audience(lambda aud: [aud, GUID])),
    ("aud: in an object", INVALID, audience(lambda aud: {aud: True})),
    *((f"aud: {value!r}", INVALID, claiming(aud=value)) for value in ("", None, True, 0, [])),
    ("aud: missing", INVALID, claiming(aud=GONE)),
]

OTHER_KIND = "401 not_an_access_token"

KIND: list[Case] = [
    *(
        (f"bound to a key (RFC 7800): {cnf!r}", "401 unsupported_token", claiming(cnf=cnf))
        for cnf in ({"jkt": "x"}, {"kid": "x"}, None, "")
    ),
    ("an application that says so", "200 application", claiming(idtyp="app")),
    ("a user", "200 user", claiming(user=True)),
    ("a user, version 1", "200 user", claiming(user=True, version=1)),
    ("a user that says so", "200 user", claiming(user=True, idtyp="user")),
    ("an ID token", OTHER_KIND, claiming(user=True, scp=GONE, nonce="n", azp=GONE, preferred_username="a@b")),
    ("an ID token with the client's id", OTHER_KIND, claiming(user=True, scp=GONE, nonce="n")),
    ("neither scope nor its own subject", OTHER_KIND, claiming(sub="somebody else")),
    ("no oid", OTHER_KIND, claiming(oid=GONE)),
    ("no sub", OTHER_KIND, claiming(sub=GONE)),
    ("neither oid nor sub: nobody equals nobody", OTHER_KIND, claiming(oid=GONE, sub=GONE)),
    ("oid and sub both empty", OTHER_KIND, claiming(oid="", sub="")),
    ("oid and sub in another case", OTHER_KIND, claiming(sub="1DE00001-0B1D-4000-8000-000000000000")),
    ("an application with a scope", OTHER_KIND, claiming(idtyp="app", scp="user_impersonation")),
    ("a user without a scope", OTHER_KIND, claiming(user=True, idtyp="user", scp=GONE)),
    ("scp empty", OTHER_KIND, claiming(scp="")),
    ("scp of spaces", OTHER_KIND, claiming(scp="   ")),
    ("idtyp of another kind", OTHER_KIND, claiming(idtyp="device")),
    ("idtyp in another case", OTHER_KIND, claiming(idtyp="App")),
    *((f"scp: {value!r}", INVALID, claiming(scp=value)) for value in (None, True, 1, ["user_impersonation"], {})),
    *((f"idtyp: {value!r}", INVALID, claiming(idtyp=value)) for value in (None, True, ["app"], {"app": 1})),
    *((f"oid: {value!r}", INVALID, claiming(oid=value, sub=value)) for value in (None, True, 7, ["a"], {})),
    *((f"azp: {value!r}", INVALID, claiming(azp=value)) for value in ("", None, True, 7, [CALLER], {})),
    ("version 2 without azp", INVALID, claiming(azp=GONE)),
    ("version 2 with appid in its place", INVALID, claiming(azp=GONE, appid=CALLER)),
    ("version 1 with azp in the place of appid", INVALID, claiming(version=1, appid=GONE, azp=CALLER)),
]  # fmt: skip
