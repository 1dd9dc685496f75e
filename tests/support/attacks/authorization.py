"""The Authorization header's forms, and places that a token must not be read from."""

from tests.support.attacks import Case
from tests.support.forge import Forge, encode
from tests.support.wire import Call


def header(*values: str) -> Call:
    return Call(tuple(("Authorization", value) for value in values))


def elsewhere(name: str, value: str) -> Call:
    return Call(((name, value),))


def expired(forge: Forge) -> str:
    return forge.token(exp=1_700_000_000)


AUTHORIZATION: list[Case] = [
    ("the usual spelling is let in", "200 application", lambda f: header(f"Bearer {f.token()}")),
    ("schemes know no case (RFC 9110 11.1)", "200 application", lambda f: header(f"bearer {f.token()}")),
    ("schemes know no case: capitals", "200 application", lambda f: header(f"BEARER {f.token()}")),
    ("schemes know no case: mixed", "200 application", lambda f: header(f"bEaReR {f.token()}")),
    ("several spaces may follow the scheme", "200 application", lambda f: header(f"Bearer   {f.token()}")),
    ("no header at all", "401 missing_token", lambda f: header()),
    ("an empty header", "401 missing_token", lambda f: header("")),
    ("another scheme: Basic", "401 missing_token", lambda f: header("Basic dXNlcjpwYXNzd29yZA==")),
    ("another scheme: Negotiate", "401 missing_token", lambda f: header("Negotiate YIIJvwYGKwYBBQUCoIIJ")),
    ("another scheme with a good token: DPoP", "401 missing_token", lambda f: header(f"DPoP {f.token()}")),
    ("another scheme with a good token: JWT", "401 missing_token", lambda f: header(f"JWT {f.token()}")),
    ("a good token without a scheme", "401 missing_token", lambda f: header(f.token())),
    ("a tab is not the space after a scheme", "401 missing_token", lambda f: header(f"Bearer\t{f.token()}")),
    ("a no-break space is not a space", "401 missing_token", lambda f: header(f"Bearer\xa0{f.token()}")),
    ("a colon does not belong to the scheme", "401 missing_token", lambda f: header(f"Bearer: {f.token()}")),
    ("an equals sign is not a space", "401 missing_token", lambda f: header(f"Bearer={f.token()}")),
    ("a scheme that only begins with Bearer", "401 missing_token", lambda f: header(f"BearerToken {f.token()}")),
    ("a scheme with no token", "401 malformed_token", lambda f: header("Bearer")),
    ("a scheme with a space and no token", "401 malformed_token", lambda f: header("Bearer ")),
    ("what a client sends that has no token: null", "401 malformed_token", lambda f: header("Bearer null")),
    ("what a client sends that has no token: undefined", "401 malformed_token", lambda f: header("Bearer undefined")),
    ("the scheme twice", "401 malformed_token", lambda f: header(f"Bearer Bearer {f.token()}")),
    ("two tokens behind one scheme", "401 malformed_token", lambda f: header(f"Bearer {f.token()} {f.token()}")),
    ("two credentials, comma-joined", "401 malformed_token", lambda f: header(", ".join([f"Bearer {f.token()}"] * 2))),
    ("an empty one and a good one, joined", "401 malformed_token", lambda f: header(f"Bearer,Bearer {f.token()}")),
    ("comma and parameters behind a token", "401 malformed_token", lambda f: header(f'Bearer {f.token()},realm="x"')),
    ("two headers, both good", "401 malformed_token", lambda f: header(*[f"Bearer {f.token()}"] * 2)),
    ("two headers, good and expired", "401 malformed_token",
     lambda f: header(f"Bearer {f.token()}", f"Bearer {expired(f)}")),
    ("two headers, Bearer and Basic", "401 malformed_token", lambda f: header(f"Bearer {f.token()}", "Basic YTpi")),
    ("two headers, Basic and Bearer", "401 missing_token", lambda f: header("Basic YTpi", f"Bearer {f.token()}")),
    ("two headers, empty and Bearer", "401 missing_token", lambda f: header("", f"Bearer {f.token()}")),
    ("two headers, Bearer and empty", "401 malformed_token", lambda f: header(f"Bearer {f.token()}", "")),
    ("a quoted token", "401 malformed_token", lambda f: header(f'Bearer "{f.token()}"')),
    ("a token as a parameter", "401 malformed_token", lambda f: header(f"Bearer token={f.token()}")),
    ("a semicolon behind the token", "401 malformed_token", lambda f: header(f"Bearer {f.token()};")),
    ("percent-encoded dots", "401 malformed_token", lambda f: header("Bearer " + f.token().replace(".", "%2E"))),
    ("a letter from outside ASCII", "401 malformed_token", lambda f: header(f"Bearer {f.token()}\xe9")),
    ("a soft hyphen, which is not seen", "401 malformed_token", lambda f: header(f"Bearer {f.token()}\xad")),
    ("a tab inside", "401 malformed_token", lambda f: header("Bearer " + f.token().replace(".", ".\t"))),
]  # fmt: skip

ELSEWHERE: list[Case] = [
    ("query: access_token (RFC 6750 2.3)", "401 missing_token", lambda f: Call(query=f"?access_token={f.token()}")),
    ("query: token", "401 missing_token", lambda f: Call(query=f"?token={f.token()}")),
    ("query: Authorization", "401 missing_token", lambda f: Call(query=f"?Authorization=Bearer%20{f.token()}")),
    (
        "form body (RFC 6750 2.2)",
        "401 missing_token",
        lambda f: Call(
            (("Content-Type", "application/x-www-form-urlencoded"),), body=f"access_token={f.token()}".encode()
        ),
    ),
    (
        "JSON body",
        "401 missing_token",
        lambda f: Call((("Content-Type", "application/json"),), body=f'{{"access_token": "{f.token()}"}}'.encode()),
    ),
    ("cookie", "401 missing_token", lambda f: elsewhere("Cookie", f"access_token={f.token()}")),
    ("Easy Auth's cookie", "401 missing_token", lambda f: elsewhere("Cookie", f"AppServiceAuthSession={f.token()}")),
    *(
        (f"another header: {name}", "401 missing_token", lambda f, name=name: elsewhere(name, f"Bearer {f.token()}"))
        for name in (
            "Proxy-Authorization",
            "X-Forwarded-Authorization",
            "X-Original-Authorization",
            "X-Authorization",
            "Authentication",
            "X-Auth-Token",
            "X-Access-Token",
            "X-MS-TOKEN-AAD-ACCESS-TOKEN",
            "X-MS-TOKEN-AAD-ID-TOKEN",
            "X-ZUMO-AUTH",
        )
    ),
    (
        "a good token beside one that has expired",
        "401 token_expired",
        lambda f: Call((("Authorization", f"Bearer {expired(f)}"),), query=f"?access_token={f.token()}"),
    ),
    (
        "a bad token in the query takes nothing from a good one",
        "200 application",
        lambda f: Call((("Authorization", f"Bearer {f.token()}"),), query="?access_token=x.y.z"),
    ),
]


def platform_header(forge: Forge, name: str = "X-MS-CLIENT-PRINCIPAL") -> Call:
    claims = [
        {"typ": name, "val": value} for name, value in forge.claims(roles="DoAll").items() if isinstance(value, str)
    ]
    return Call(((name, encode({"auth_typ": "aad", "claims": claims})),))  # fmt: skip


# Where Easy Auth is off, nobody strips these headers from what clients send.
PLATFORM_HEADERS: list[Case] = [
    *(
        (f"{name} from a client", "401 missing_token", lambda f, name=name: platform_header(f, name))
        for name in (
            "X-MS-CLIENT-PRINCIPAL",
            "x-ms-client-principal",
            "X-MS-CLIENT-PRINCIPAL-ID",
            "X-MS-CLIENT-PRINCIPAL-NAME",
            "X-MS-CLIENT-PRINCIPAL-IDP",
        )
    ),
    ("a site's id header", "401 missing_token", lambda f: elsewhere("X-MS-Site-Restricted-Token", f.token())),
    ("the switch as a header", "401 missing_token", lambda f: elsewhere("WEBSITE_AUTH_ENABLED", "true")),
    (
        "a principal with the role beside a token without",
        "403 missing_role",
        lambda f: Call((("Authorization", f"Bearer {f.token(roles=[])}"), *platform_header(f).headers)),
    ),
    (
        "a principal beside a token that has expired",
        "401 token_expired",
        lambda f: Call((("Authorization", f"Bearer {expired(f)}"), *platform_header(f).headers)),
    ),
    (
        "a malformed principal takes nothing from a good token",
        "200 application",
        lambda f: Call((("Authorization", f"Bearer {f.token()}"), ("X-MS-CLIENT-PRINCIPAL", "!"))),
    ),
]
