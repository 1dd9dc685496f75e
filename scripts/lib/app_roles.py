"""Print the app roles of a registration as JSON: the roles from standard input, then the missing ones.

Existing roles are not changed, because a role with another ID would be a new role without assignments.
"""

import json
import sys
import uuid

app_id_uri, *values = sys.argv[1:]
roles = json.load(sys.stdin) or []
existing = {role["value"] for role in roles}
roles += [
    {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{app_id_uri}/{value}")),
        "value": value,
        "displayName": value,
        "description": "Call the functions of aad-func that require this role.",
        "isEnabled": True,
        "allowedMemberTypes": ["Application", "User"],
    }
    for value in values
    if value not in existing
]
print(json.dumps(roles))
