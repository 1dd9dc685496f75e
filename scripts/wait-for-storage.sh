#!/usr/bin/env bash
# Waits until the apps can access their storage accounts, about two minutes after the roles were assigned. Until then,
# deploying the package fails with 403 (https://github.com/Azure/azure-dev/issues/8026).
# Needs az, signed in as someone who can read the resource group.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/common.sh
. scripts/lib/common.sh

usage() {
  echo "usage: scripts/wait-for-storage.sh RESOURCE_GROUP"
}
check_arguments 1 1 "$@"
group=$1 seconds=${STORAGE_ROLE_SECONDS:-120}
subscription=${AZURE_SUBSCRIPTION_ID:-$(az account show --query id --output tsv)}

before() { # SECONDS: prints the time SECONDS ago. Works with GNU date and BSD date.
  local then=$(($(date +%s) - $1))
  date -u -d "@$then" +%Y-%m-%dT%H:%M:%S 2>/dev/null || date -u -r "$then" +%Y-%m-%dT%H:%M:%S
}

newest=
for account in $(az storage account list --resource-group "$group" --subscription "$subscription" \
  --query '[].id' --output tsv); do
  for created in $(az role assignment list --scope "$account" --subscription "$subscription" \
    --query '[].createdOn' --output tsv); do
    if [[ $created > $newest ]]; then newest=$created; fi
  done
done
while [[ $newest > $(before "$seconds") ]]; do
  echo "Waiting until the apps can access their storage accounts ..."
  sleep "${RETRY_SECONDS:-15}"
done
