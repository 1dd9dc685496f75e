#!/usr/bin/env bash
# Assigns an app role of an API to an identity, application, user or group. A second run changes nothing.
# Needs az, signed in as someone who can assign app roles, such as a Cloud Application Administrator.
# Exit codes: 0 assigned, 1 failed, 2 wrong arguments, 3 no right to assign app roles.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/common.sh
. scripts/lib/common.sh

usage() {
  cat <<'END'
usage: scripts/assign-role.sh API_CLIENT_ID OBJECT_ID [ROLE]
  API_CLIENT_ID  client ID of the API's app registration
  OBJECT_ID      object ID (principal ID) of the identity or of the application's service principal, not a client ID
  ROLE           value of the app role; default: DoAll
END
}
check_arguments 2 3 "$@"
api=$1 principal=$2 role=${3:-DoAll}

graph=$(graph_url)
service_principal=$(retry az ad sp show --id "$api" --query id --output tsv)
role_id=$(az ad sp show --id "$api" --query "appRoles[?value=='$role'].id | [0]" --output tsv)
if [ -z "$role_id" ]; then
  echo "The API $api does not define the app role $role." >&2
  exit 1
fi

assign() {
  local output
  if output=$(az rest --method POST --url "$graph/servicePrincipals/$service_principal/appRoleAssignedTo" \
    --headers Content-Type=application/json --output none \
    --body '{"principalId": "'"$principal"'", "resourceId": "'"$service_principal"'", "appRoleId": "'"$role_id"'"}' 2>&1); then
    echo "$principal now has the app role $role of $api."
    return
  fi
  case $output in
    *"already exists"*) echo "$principal already has the app role $role of $api." ;;
    *Authorization_RequestDenied* | *"Insufficient privileges"*)
      echo "You cannot assign app roles in this tenant. A Cloud Application Administrator must run this command once:" >&2
      echo "  scripts/assign-role.sh $api $principal $role" >&2
      exit 3
      ;;
    *)
      echo "$output" >&2
      return 1
      ;;
  esac
}
retry assign
