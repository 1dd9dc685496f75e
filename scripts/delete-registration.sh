#!/usr/bin/env bash
# Deletes an app registration permanently. Otherwise Entra ID retains a deleted registration for 30 days, during which
# its unique name and App ID URI cannot be reused. A second run changes nothing.
# Needs az, signed in as the registration's owner or an administrator.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/common.sh
. scripts/lib/common.sh

usage() {
  echo "usage: scripts/delete-registration.sh CLIENT_ID"
}
check_arguments 1 1 "$@"
client_id=$1

graph=$(graph_url)

deleted() { # Prints the object ID of the deleted registration, or nothing if there is none.
  az rest --method GET --url "$graph/directory/deletedItems/microsoft.graph.application?\$select=id,appId&\$top=999" \
    --query "value[?appId=='$client_id'].id | [0]" --output tsv
}

az account show --output none # Fails if az is not signed in. Otherwise the registration would seem to be missing.
if object_id=$(az ad app show --id "$client_id" --query id --output tsv 2>/dev/null); then
  az ad app delete --id "$client_id"
else
  object_id=$(deleted)
fi
if [ -z "$object_id" ]; then
  echo "There is no registration with the client ID $client_id, not even a deleted one."
  exit
fi
retry az rest --method DELETE --url "$graph/directory/deletedItems/$object_id" --output none
echo "$client_id is deleted permanently."
