#!/usr/bin/env bash
# azd runs this hook after provisioning (azure.yaml). It assigns the app role to msi-func, and waits until the apps can
# access storage. If you cannot assign app roles, the deployment continues, and azd-postup.sh prints the remaining step.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${AAD_FUNC_CLIENT_ID:-}" ] || [ -z "${RESOURCE_GROUP:-}" ]; then
  echo "usage: azd runs this hook, with the outputs of infra/main.bicep as environment variables" >&2
  exit 2
fi

signed_in=$(az account show --query tenantId --output tsv)
if [ "$signed_in" != "$AZURE_TENANT_ID" ]; then
  echo "az is signed in to the tenant $signed_in instead of $AZURE_TENANT_ID. Run: az login --tenant $AZURE_TENANT_ID" >&2
  exit 1
fi

if [ -z "${CALLER_OBJECT_ID:-}" ]; then
  echo "These settings need no app role assignment in Entra ID."
elif [ "${ROLE_ASSIGNMENT:-entra}" = none ]; then
  echo "ROLE_ASSIGNMENT is none, so an administrator must assign the app role. azd up prints the command at its end."
else
  status=0
  scripts/assign-role.sh "$AAD_FUNC_CLIENT_ID" "$CALLER_OBJECT_ID" "$APP_ROLE" || status=$?
  if [ $status -eq 3 ]; then
    echo "An app setting can grant the role instead, without directory rights:" >&2
    echo "  azd env set ROLE_ASSIGNMENT setting; azd env set ASSIGNMENT_REQUIRED false; azd up" >&2
  elif [ $status -ne 0 ]; then
    exit $status
  fi
fi

scripts/wait-for-storage.sh "$RESOURCE_GROUP"
