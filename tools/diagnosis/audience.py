"""The finding for a token that is meant for another API."""

from common.remediations import REMEDIATIONS
from tools import commands
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding


def audience_finding(evidence: Evidence) -> Finding:
    """Return the finding for `wrong_audience`. Entra issued a token for AAD_FUNC_SCOPE, so its API exists."""
    settings, url = evidence.settings, evidence.aad_url
    scope, client_id = settings.get("AAD_FUNC_SCOPE", ""), settings.get("AAD_FUNC_CLIENT_ID", "").lower()
    requested = commands.guid_in(scope)
    if not scope or not client_id:
        cause = "AAD_FUNC_SCOPE of msi-func does not match AAD_FUNC_CLIENT_ID or AAD_FUNC_AUDIENCES of aad-func."
        return Finding(cause, REMEDIATIONS["wrong_audience"])
    set_scope = commands.set_setting("msi-func", evidence.msi_url, "AAD_FUNC_SCOPE", f"{client_id}/.default")
    if requested == client_id and "AAD_FUNC_AUDIENCES" in settings:
        cause = f"AAD_FUNC_AUDIENCES of aad-func does not contain the audience of the tokens, {client_id}."
        return Finding(cause, commands.remove_setting("aad-func", url, "AAD_FUNC_AUDIENCES"))
    if requested == client_id:
        resource = scope.removesuffix("/.default")
        cause = f"In version 1 tokens, aud is the resource exactly as requested. aad-func does not accept {resource}."
        return Finding(cause, set_scope)
    if evidence.is_client_id_known is False and requested:
        cause = (
            f"AAD_FUNC_CLIENT_ID of aad-func is wrong: no API {client_id} exists in the tenant, but {requested} does."
        )
        return Finding(cause, commands.set_setting("aad-func", url, "AAD_FUNC_CLIENT_ID", requested))
    cause = f"AAD_FUNC_SCOPE of msi-func names {requested or scope}, but AAD_FUNC_CLIENT_ID of aad-func is {client_id}."
    return Finding(cause, set_scope)
