#!/usr/bin/env bash
# What azd runs after provisioning (azure.yaml): assigns the app role to msi-func and waits for its access to storage.
# Without the right to assign app roles, the deployment continues, and azd-postup.sh repeats what is left to do.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${AAD_FUNC_CLIENT_ID:-}" ] || [ -z "${RESOURCE_GROUP:-}" ]; then
  echo "usage: azd runs this script, with the outputs of infra/main.bicep as environment variables" >&2
  exit 2
fi

signed_in=$(az account show --query tenantId --output tsv)
if [ "$signed_in" != "$AZURE_TENANT_ID" ]; then
  echo "az is signed in to the tenant $signed_in instead of $AZURE_TENANT_ID: az login --tenant $AZURE_TENANT_ID" >&2
  exit 1
fi

if [ -z "${CALLER_OBJECT_ID:-}" ]; then
  echo "There is no app role to assign in Entra ID."
elif [ "${ROLE_ASSIGNMENT:-entra}" = none ]; then
  echo "ROLE_ASSIGNMENT is none: an administrator assigns the app role, see the end of azd up."
else
  status=0
  scripts/assign-role.sh "$AAD_FUNC_CLIENT_ID" "$CALLER_OBJECT_ID" "$APP_ROLE" || status=$?
  if [ $status -eq 3 ]; then
    echo "Or grant it without directory rights: azd env set ROLE_ASSIGNMENT setting; azd env set ASSIGNMENT_REQUIRED false; azd up" >&2
  elif [ $status -ne 0 ]; then
    exit $status
  fi
fi

scripts/wait-for-storage.sh "$RESOURCE_GROUP"
