"""Commands for users to paste. Values from responses are inserted only if they match strict patterns."""

import re
import shlex
from urllib.parse import urlsplit

from common.settings import is_guid, is_loopback

_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_VALUE = re.compile(r"[A-Za-z0-9:/._,;=-]{1,2000}")


def guid_in(resource: str) -> str:
    """Return the GUID in `<GUID>` or `api://<GUID>`, with or without `/.default`. Returns "" for other resources."""
    guid = resource.removesuffix("/.default").removeprefix("api://").lower()
    return guid if is_guid(guid) else ""


def assign_role(api: str, object_id: str, role: str) -> str:
    """Return the command that assigns an app role, with placeholders for unknown values."""
    return f"{_roles('assign', api)} --identity {_guid(object_id, '<object ID>')} --role {_name(role)}"


def list_roles(api: str) -> str:
    """Return the command that lists the app role assignments of an API."""
    return _roles("list", api)


def set_setting(app: str, url: str, name: str, value: str) -> str:
    """Return the step that sets the setting `name` of an app such as "aad-func"."""
    value = value if _VALUE.fullmatch(value) else f"<{name}>"
    local = f"Set {name}={value} in the settings of {app}, and restart it."
    setting = shlex.quote(f"{name}={value}")
    return _step(url, "functionapp config appsettings set", local, f" --output none --settings {setting}")


def remove_setting(app: str, url: str, name: str) -> str:
    """Return the step that removes a setting."""
    local = f"Remove {name} from the settings of {app}, and restart it."
    return _step(url, "functionapp config appsettings delete", local, f" --output none --setting-names {name}")


def start(app: str, url: str) -> str:
    """Return the step that starts an app."""
    return _step(
        url, "functionapp start", f"Start the Functions host of {app} with func start or python -m local_azure demo."
    )


def restart(app: str, url: str) -> str:
    """Return the step that restarts an app."""
    return _step(url, "functionapp restart", f"Restart the Functions host of {app}, and read the output of the host.")


def stop(app: str, url: str) -> str:
    """Return the step that stops an app."""
    return _step(url, "functionapp stop", f"Stop the Functions host of {app}.")


def read_log(app: str, url: str) -> str:
    """Return the step that shows an app's log."""
    return _step(url, "webapp log tail", f"Read the output of the Functions host of {app}.")


def identity(url: str, command: str) -> str:
    """Return an `az functionapp identity` command, such as assign or show, for msi-func."""
    unknown = f"az functionapp identity {command} --name '<msi-func app>' --resource-group '<group>'"
    return _step(url, f"functionapp identity {command}", unknown)


def doctor(url: str, aad_url: str = "") -> str:
    """Return the command that runs the doctor again with these URLs, without a function key in aad-func's query."""
    aad = f" --aad {shlex.quote(aad_url.partition('?')[0])}" if aad_url else ""
    return f"python -m tools.doctor {shlex.quote(url)}{aad}"


def _step(url: str, command: str, otherwise: str, options: str = "") -> str:
    """Return an az command for the app at `url`, or `otherwise` if the app is not in Azure."""
    host = urlsplit(url).hostname or ""
    if not _HOST.fullmatch(host) or is_loopback(host):
        return otherwise
    query = f"[?defaultHostName=='{host}'].id"
    return f'az {command} --ids "$(az functionapp list --query "{query}" --output tsv)"{options}'


def _roles(command: str, api: str) -> str:
    return f"python -m tools.roles {command} --api {_guid(guid_in(api), '<client ID of aad-func>')}"


def _guid(value: str, placeholder: str) -> str:
    return value.lower() if is_guid(value.lower()) else shlex.quote(placeholder)


def _name(role: str) -> str:
    return role if _ROLE.fullmatch(role) else shlex.quote("<role>")
