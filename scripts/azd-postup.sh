#!/usr/bin/env bash
# azd runs this hook at the end of `azd up` (azure.yaml). It prints where the apps are, how to call them, and which steps
# are left.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${AAD_FUNC_CLIENT_ID:-}" ] || [ -z "${RESOURCE_GROUP_URL:-}" ]; then
  echo "usage: azd runs this hook, with the outputs of infra/main.bicep as environment variables" >&2
  exit 2
fi

echo
if [ -n "${CALLER_OBJECT_ID:-}" ] &&
  { [ "${ROLE_ASSIGNMENT:-entra}" = none ] || ! scripts/assign-role.sh "$AAD_FUNC_CLIENT_ID" "$CALLER_OBJECT_ID" "$APP_ROLE" >/dev/null 2>&1; }; then
  echo "One step is left. Until it is done, aad-func rejects msi-func. An administrator must run this command once:"
  echo "  scripts/assign-role.sh $AAD_FUNC_CLIENT_ID $CALLER_OBJECT_ID $APP_ROLE"
fi
if [ -n "${CALLER_SCOPE:-}" ]; then
  echo "For calls on behalf of users, assign the app role to a user or group:"
  echo "  scripts/assign-role.sh $AAD_FUNC_CLIENT_ID <object ID of the user or group> $APP_ROLE"
  echo "Then send the token of this user, or of a user in the group: docs/deploy-options.md#on-behalf-of-users"
fi
cat <<END
The apps in the portal: $RESOURCE_GROUP_URL
Try them:
  export MSI_FUNC_KEY="\$(az functionapp function keys list --name "$MSI_FUNC_NAME" --resource-group "$RESOURCE_GROUP" --function-name msi_func --query default --output tsv)"
  curl -i -H @- "$MSI_FUNC_URL" <<< "x-functions-key: \$MSI_FUNC_KEY"
  .venv/bin/python -m tools.doctor "$MSI_FUNC_URL" --aad "$AAD_FUNC_URL"
END
