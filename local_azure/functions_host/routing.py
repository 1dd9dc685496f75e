"""Route templates of HTTP triggers, which match path segments and ignore case, like ASP.NET.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#customize-the-http-endpoint
"""

import re

_PARAMETER = re.compile(r"\{(?P<rest>\*{0,2})(?P<name>\w+)(:(?P<constraint>[a-z]+))?(?P<optional>\?)?\}")
_CONSTRAINTS = {
    None: "[^/]+",
    "alpha": "[A-Za-z]+",
    "bool": "(?:true|false)",
    "guid": "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "int": "-?[0-9]+",
}


class RouteTemplate:
    """One route, such as `orders/{id:int}/{line?}` or `files/{*path}`."""

    def __init__(self, text: str) -> None:
        self.text = text.strip("/")
        self._pattern = re.compile("".join(map(_segment, filter(None, self.text.split("/")))) + "/?", re.IGNORECASE)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the route parameters in `path`, or None if the path does not match. Absent parameters are omitted."""
        match = self._pattern.fullmatch(path)
        return {name: value for name, value in match.groupdict().items() if value} if match else None


def _segment(segment: str) -> str:
    parameter = _PARAMETER.fullmatch(segment)
    if parameter is None:
        if "{" in segment:
            raise ValueError(f"the route segment {segment} is not supported by the local host")
        return "/" + re.escape(segment)
    if parameter["rest"]:
        return f"(?:/(?P<{parameter['name']}>.*))?"
    if parameter["constraint"] not in _CONSTRAINTS:
        raise ValueError(f"the route constraint {parameter['constraint']} is not supported by the local host")
    group = f"/(?P<{parameter['name']}>{_CONSTRAINTS[parameter['constraint']]})"
    return f"(?:{group})?" if parameter["optional"] else group
