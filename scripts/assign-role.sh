#!/usr/bin/env bash
# Gives an identity an app role of an API, so that it may call it. Can be run again: an assignment that is there stays.
# Needs az, signed in as somebody who may assign app roles (Cloud Application Administrator, for one).
set -euo pipefail

if [ $# -lt 2 ] || [ $# -gt 3 ]; then
  echo "usage: $0 API_CLIENT_ID IDENTITY_OBJECT_ID [ROLE]" >&2
  echo "  API_CLIENT_ID       client id of the API's app registration" >&2
  echo "  IDENTITY_OBJECT_ID  object id (principal id) of the identity, not its client id; or a user's" >&2
  echo "  ROLE                DoAll unless given" >&2
  exit 2
fi
api=$1 identity=$2 role=${3:-DoAll}

graph=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)
graph=${graph%/}/v1.0

service_principal=$(az ad sp show --id "$api" --query id --output tsv)
role_id=$(az ad sp show --id "$api" --query "appRoles[?value=='$role'].id | [0]" --output tsv)
if [ -z "$role_id" ]; then
  echo "The API $api has no app role $role." >&2
  exit 1
fi

assign() {
  az rest --method POST --url "$graph/servicePrincipals/$service_principal/appRoleAssignedTo" \
    --headers Content-Type=application/json --output none \
    --body '{"principalId": "'"$identity"'", "resourceId": "'"$service_principal"'", "appRoleId": "'"$role_id"'"}'
}

# An identity that has just been made is not known everywhere in the directory at once.
for try in 1 2 3 4 5 6; do
  if said=$(assign 2>&1); then
    echo "$identity has $role of $api now."
    exit
  fi
  case $said in *"already exists"*)
    echo "$identity has $role of $api already."
    exit
  esac
  echo "Try $try of 6 failed: $said" >&2
  sleep "${RETRY_SECONDS:-10}"
done
exit 1
