"""What the claims of an Entra access token mean, one plain sentence each, for whatever shows claims to people.

https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference. Imported where claims are shown.
"""

MEANINGS = {
    "aud": "The token is meant for this API.",
    "iss": "This tenant issued it; the end tells the token version.",
    "iat": "The token was issued at this time.",
    "nbf": "Before this time it is not valid.",
    "exp": "At this time it expires.",
    "azp": "The calling application's client id (version 2).",
    "appid": "The calling application's client id (version 1).",
    "azpacr": "How the caller proved itself: 0 not at all, 1 by a secret, 2 by a certificate.",
    "appidacr": "How the caller proved itself: 0 not at all, 1 by a secret, 2 by a certificate.",
    "azp_name": "The calling application's name, for people.",
    "app_displayname": "The calling application's name, for people.",
    "idp": "This identity provider vouched for the caller.",
    "idtyp": "The value app says that an application acts as itself.",
    "name": "A display name, for people and never for decisions.",
    "oid": "The caller's object id: a service principal's or a user's.",
    "preferred_username": "A user name, for people and never for decisions.",
    "roles": "These app roles are assigned to the caller; without any, the claim is absent.",
    "scp": "These scopes let an application act for a user.",
    "sub": "The subject; for an application it equals oid.",
    "tid": "The tenant that the caller belongs to.",
    "upn": "A user name, for people and never for decisions.",
    "ver": "The token version, set by the API's registration.",
    "xms_mirid": "The managed identity's resource id in Azure.",
}
OTHER = "Not described for applications: Entra's own, or added by this tenant."
TIMES = ("iat", "nbf", "exp")  # seconds since 1970
