"""Findings for an msi-func that cannot get a token for aad-func."""

import shlex

from common.remediations import REMEDIATIONS
from msi_func import token_errors
from tools import commands
from tools.diagnosis.evidence import Evidence
from tools.diagnosis.finding import Finding
from tools.probe import string, strings


def finding(evidence: Evidence) -> Finding:
    """Return the finding for a problem that msi-func reports before it calls aad-func."""
    call = evidence.call
    cause = call.detail
    codes = ", ".join(code for code in strings(call.body, "entra_codes") if code.isalnum())
    if codes:
        cause = f"{cause.rstrip('.')} ({codes})."
    if call.code == "token_unavailable":
        return Finding(cause, _token_step(evidence))
    if call.code == "user_not_assigned":
        api = commands.guid_in(string(call.body, "scope"))
        return Finding(cause, commands.assign_role(api, "", evidence.settings.get("AAD_FUNC_REQUIRED_ROLE", "DoAll")))
    if call.code == "federated_credential_mismatch":
        app = commands.guid_in(evidence.settings.get("MSI_FUNC_CLIENT_ID", "")) or "<MSI_FUNC_CLIENT_ID>"
        return Finding(cause, f"az ad app federated-credential list --id {shlex.quote(app)}")
    return Finding(cause, _user_steps(evidence).get(call.code, REMEDIATIONS[call.code]))


def _user_steps(evidence: Evidence) -> dict[str, str]:
    app = commands.guid_in(evidence.settings.get("MSI_FUNC_CLIENT_ID", "")) or "<MSI_FUNC_CLIENT_ID>"
    scope = shlex.quote(f"{app}/.default")
    request = (
        f"export MSI_FUNC_TOKEN=$(az account get-access-token --scope {scope} "
        "--query accessToken --output tsv)  # then run the doctor again"
    )
    sign_in = f"az login --scope {scope}"
    return {
        **dict.fromkeys(("user_token_required", "user_token_wrong_audience", "user_token_expired"), request),
        **dict.fromkeys(("user_token_rejected", "interaction_required"), sign_in),
    }


def _token_step(evidence: Evidence) -> str:
    """Return the step for a `token_unavailable` problem."""
    url, detail = evidence.msi_url, evidence.call.detail
    scope = string(evidence.call.body, "scope")
    steps = {
        token_errors.NO_IDENTITY: commands.identity(url, "assign"),
        token_errors.NO_SYSTEM_IDENTITY: commands.identity(url, "assign"),
        token_errors.NOT_ATTACHED: commands.identity(url, "show"),
        # The list shows whether the API exists and whether the identity has an app role.
        token_errors.GENERIC_ERROR: commands.list_roles(scope),
        token_errors.HEADER_REJECTED: commands.restart("msi-func", url),
        token_errors.NO_HEADER: commands.remove_setting("msi-func", url, "IDENTITY_ENDPOINT"),
        token_errors.INVALID_RESPONSE: commands.remove_setting("msi-func", url, "IDENTITY_ENDPOINT"),
        token_errors.THROTTLED: commands.doctor(url),
        token_errors.NO_RESPONSE: commands.restart("msi-func", url),
        token_errors.EXPIRED: "Correct the clock of the machine that hosts msi-func.",
        token_errors.UNAVAILABLE: commands.read_log("msi-func", url),
        token_errors.SIGN_IN: f"az login --scope {_safe(scope)}",
        token_errors.SIGN_IN_TIMEOUT: f"az login --scope {_safe(scope)}",
    }
    return steps.get(detail, commands.read_log("msi-func", url))


def _safe(scope: str) -> str:
    guid = commands.guid_in(scope)
    return f"{guid}/.default" if guid else "'<AAD_FUNC_SCOPE>'"
