#!/usr/bin/env bash
# Deletes an app registration for good. Deleting alone keeps it for 30 days, and its unique name and App ID URI taken.
# Can be run again: what is gone already is passed over.
# Needs az, signed in as the registration's owner or an administrator.
set -euo pipefail

if [ $# -ne 1 ]; then
  echo "usage: $0 CLIENT_ID" >&2
  exit 2
fi
client_id=$1

graph=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)
graph=${graph%/}/v1.0

deleted() { # object id of the registration among the deleted ones; empty where it is not there
  az rest --method GET --url "$graph/directory/deletedItems/microsoft.graph.application?\$select=id,appId&\$top=999" \
    --query "value[?appId=='$client_id'].id | [0]" --output tsv
}

az account show --output none # signed in? Else what follows would look like a registration that is not there.
if object_id=$(az ad app show --id "$client_id" --query id --output tsv 2>/dev/null); then
  az ad app delete --id "$client_id"
else
  object_id=$(deleted)
fi
if [ -z "$object_id" ]; then
  echo "There is no such registration, deleted or not."
  exit
fi

# What has just been deleted is not known everywhere in the directory at once.
for try in 1 2 3 4 5 6; do
  if az rest --method DELETE --url "$graph/directory/deletedItems/$object_id" --output none; then
    echo "$client_id is deleted for good."
    exit
  fi
  echo "Try $try of 6 failed." >&2
  sleep "${RETRY_SECONDS:-10}"
done
exit 1
