"""Advice for a missing app role, which may be misspelled, not assigned, or not visible yet."""

import difflib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tools import commands
from tools.diagnosis.finding import Finding
from tools.fresh_token import FreshToken
from tools.probe import mapping, string, strings

MIN_SIMILARITY = 0.88  # for a misspelling; Files.Read.All and Sites.Read.All have a similarity of 0.86


def role_finding(
    problem: Mapping[str, Any], fresh: FreshToken | None, *, api: str, msi_url: str = "", aad_url: str = ""
) -> Finding:
    """Return the finding for a `missing_role` problem. aad-func has verified the caller in `problem`."""
    caller, roles, required = mapping(problem, "caller"), strings(problem, "roles"), strings(problem, "required_roles")
    object_id, role = string(caller, "object_id"), required[0] if required else "DoAll"
    who = f"{'user' if string(caller, 'kind') == 'user' else 'application'} {object_id}"
    actual = next((each for each in roles if _is_misspelling(each, role)), "")
    if actual:
        step = commands.set_setting("aad-func", aad_url, "AAD_FUNC_REQUIRED_ROLE", actual)
        return Finding(f"The caller has the app role {actual}, but AAD_FUNC_REQUIRED_ROLE is {role}.", step)
    assign = commands.assign_role(api, object_id, role)
    visible = _time(string(problem, "new_role_visible_by"))
    if fresh is None or fresh.object_id != object_id:
        issued = _time(string(problem, "token_issued_at"))
        cause = f"The token of the {who} does not carry the app role {role}."
        if visible:
            cause += f" The token was issued at {issued}. A role that was assigned later takes effect by {visible}."
        return Finding(cause, assign)
    if not fresh.has_role:
        return Finding(
            f"The app role {role} is not assigned to the {who}: a new token does not carry the role.", assign
        )
    if fresh.is_accepted:
        step = commands.set_setting("msi-func", msi_url, "AAD_FUNC_SCOPE", fresh.scope)
    elif re.fullmatch(r"[\w.-]+", role):
        step = commands.set_setting("aad-func", aad_url, "AAD_FUNC_ROLE_ASSIGNMENTS", f"{role}={object_id}")
    else:
        step = ""
    when = f"by {visible} at the latest" if visible else "in the next token"
    shortcut = ", or immediately with the setting below" if step else ""
    return Finding(f"The app role {role} is assigned. It takes effect {when}{shortcut}.", step or assign)


def _is_misspelling(role: str, required: str) -> bool:
    """Return whether the names differ only in capitalization, or are similar and differ in length by at most one."""
    role, required = role.lower(), required.lower()
    similarity = difflib.SequenceMatcher(None, role, required).ratio()
    return role == required or (similarity >= MIN_SIMILARITY and abs(len(role) - len(required)) <= 1)


def _time(text: str) -> str:
    """Format an RFC 3339 time for people. Returns "" if the time is malformed."""
    try:
        time = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return f"{time:%H:%M} UTC" if time.date() == datetime.now(UTC).date() else f"{time:%Y-%m-%d %H:%M} UTC"
