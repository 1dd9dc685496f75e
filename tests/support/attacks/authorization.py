"""Forms of the Authorization header, and other locations from which a token must not be read."""

from tests.support.attacks import Case
from tests.support.forge import Forge, encode
from tests.support.wire import Call


def header(*values: str) -> Call:
    return Call(tuple(("Authorization", value) for value in values))


def other_header(name: str, value: str) -> Call:
    return Call(((name, value),))


def expired(forge: Forge) -> str:
    return forge.token(exp=1_700_000_000)


AUTHORIZATION: list[Case] = [
    ("valid token", "200 application", lambda f: header(f"Bearer {f.token()}")),
    ("case-insensitive scheme (RFC 9110 11.1): lowercase", "200 application", lambda f: header(f"bearer {f.token()}")),
    ("case-insensitive scheme: uppercase", "200 application", lambda f: header(f"BEARER {f.token()}")),
    ("case-insensitive scheme: mixed case", "200 application", lambda f: header(f"bEaReR {f.token()}")),
    ("several spaces after the scheme", "200 application", lambda f: header(f"Bearer   {f.token()}")),
    ("no header", "401 missing_token", lambda f: header()),
    ("an empty header", "401 missing_token", lambda f: header("")),
    ("another scheme: Basic", "401 missing_token", lambda f: header("Basic dXNlcjpwYXNzd29yZA==")),
    ("another scheme: Negotiate", "401 missing_token", lambda f: header("Negotiate YIIJvwYGKwYBBQUCoIIJ")),
    ("another scheme with a valid token: DPoP", "401 missing_token", lambda f: header(f"DPoP {f.token()}")),
    ("another scheme with a valid token: JWT", "401 missing_token", lambda f: header(f"JWT {f.token()}")),
    ("a valid token without a scheme", "401 missing_token", lambda f: header(f.token())),
    ("a tab after the scheme", "401 missing_token", lambda f: header(f"Bearer\t{f.token()}")),
    ("a no-break space after the scheme", "401 missing_token", lambda f: header(f"Bearer\xa0{f.token()}")),
    ("a colon after the scheme", "401 missing_token", lambda f: header(f"Bearer: {f.token()}")),
    ("an equals sign after the scheme", "401 missing_token", lambda f: header(f"Bearer={f.token()}")),
    ("a scheme that only starts with Bearer", "401 missing_token", lambda f: header(f"BearerToken {f.token()}")),
    ("the scheme without a token", "401 malformed_token", lambda f: header("Bearer")),
    ("the scheme and a space without a token", "401 malformed_token", lambda f: header("Bearer ")),
    ("the literal null as the token", "401 malformed_token", lambda f: header("Bearer null")),
    ("the literal undefined as the token", "401 malformed_token", lambda f: header("Bearer undefined")),
    ("the scheme twice", "401 malformed_token", lambda f: header(f"Bearer Bearer {f.token()}")),
    ("two tokens after one scheme", "401 malformed_token", lambda f: header(f"Bearer {f.token()} {f.token()}")),
    ("two credentials, comma-separated", "401 malformed_token",
     lambda f: header(", ".join([f"Bearer {f.token()}"] * 2))),
    ("an empty and a valid credential, comma-separated", "401 malformed_token",
     lambda f: header(f"Bearer,Bearer {f.token()}")),
    ("a comma and a parameter after the token", "401 malformed_token",
     lambda f: header(f'Bearer {f.token()},realm="x"')),
    ("two headers, both valid", "401 malformed_token", lambda f: header(*[f"Bearer {f.token()}"] * 2)),
    ("two headers, valid and expired", "401 malformed_token",
     lambda f: header(f"Bearer {f.token()}", f"Bearer {expired(f)}")),
    ("two headers, Bearer and Basic", "401 malformed_token", lambda f: header(f"Bearer {f.token()}", "Basic YTpi")),
    ("two headers, Basic and Bearer", "401 missing_token", lambda f: header("Basic YTpi", f"Bearer {f.token()}")),
    ("two headers, empty and Bearer", "401 missing_token", lambda f: header("", f"Bearer {f.token()}")),
    ("two headers, Bearer and empty", "401 malformed_token", lambda f: header(f"Bearer {f.token()}", "")),
    ("a quoted token", "401 malformed_token", lambda f: header(f'Bearer "{f.token()}"')),
    ("the token as a parameter", "401 malformed_token", lambda f: header(f"Bearer token={f.token()}")),
    ("a semicolon after the token", "401 malformed_token", lambda f: header(f"Bearer {f.token()};")),
    ("percent-encoded dots", "401 malformed_token", lambda f: header("Bearer " + f.token().replace(".", "%2E"))),
    ("a non-ASCII letter after the token", "401 malformed_token", lambda f: header(f"Bearer {f.token()}\xe9")),
    ("a soft hyphen after the token", "401 malformed_token", lambda f: header(f"Bearer {f.token()}\xad")),
    ("a tab inside the token", "401 malformed_token", lambda f: header("Bearer " + f.token().replace(".", ".\t"))),
]  # fmt: skip

OTHER_LOCATIONS: list[Case] = [
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
    ("cookie", "401 missing_token", lambda f: other_header("Cookie", f"access_token={f.token()}")),
    ("Easy Auth's cookie", "401 missing_token", lambda f: other_header("Cookie", f"AppServiceAuthSession={f.token()}")),
    *(
        (f"another header: {name}", "401 missing_token", lambda f, name=name: other_header(name, f"Bearer {f.token()}"))
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
        "an expired token in the header and a valid one in the query",
        "401 token_expired",
        lambda f: Call((("Authorization", f"Bearer {expired(f)}"),), query=f"?access_token={f.token()}"),
    ),
    (
        "a malformed token in the query does not affect a valid header",
        "200 application",
        lambda f: Call((("Authorization", f"Bearer {f.token()}"),), query="?access_token=x.y.z"),
    ),
]


def platform_header(forge: Forge, name: str = "X-MS-CLIENT-PRINCIPAL") -> Call:
    claims = [
        {"typ": name, "val": value} for name, value in forge.claims(roles="DoAll").items() if isinstance(value, str)
    ]
    return Call(((name, encode({"auth_typ": "aad", "claims": claims})),))  # fmt: skip


# Without Easy Auth, clients can send these headers.
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
    (
        "X-MS-Site-Restricted-Token from a client",
        "401 missing_token",
        lambda f: other_header("X-MS-Site-Restricted-Token", f.token()),
    ),
    ("WEBSITE_AUTH_ENABLED from a client", "401 missing_token", lambda f: other_header("WEBSITE_AUTH_ENABLED", "true")),
    (
        "a principal with the role and a token without it",
        "403 missing_role",
        lambda f: Call((("Authorization", f"Bearer {f.token(roles=[])}"), *platform_header(f).headers)),
    ),
    (
        "a principal and an expired token",
        "401 token_expired",
        lambda f: Call((("Authorization", f"Bearer {expired(f)}"), *platform_header(f).headers)),
    ),
    (
        "a malformed principal does not affect a valid token",
        "200 application",
        lambda f: Call((("Authorization", f"Bearer {f.token()}"), ("X-MS-CLIENT-PRINCIPAL", "!"))),
    ),
]
