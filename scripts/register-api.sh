#!/usr/bin/env bash
# Creates aad-func's app registration like infra/modules/registration.bicep does, without azd and Bicep. A second run
# finds the registration by its unique name, preserves its app roles and sets all other properties again.
# Needs python3, and az, signed in as someone who can create app registrations.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/common.sh
. scripts/lib/common.sh

usage() {
  cat <<'END'
usage: scripts/register-api.sh NAME [--allow-unassigned] [--roles ROLE,...] [--token-version 1|2]
  NAME                unique name in the tenant, one for each environment, such as aad-func-dev
  --allow-unassigned  also issue tokens to identities of the tenant that have no app role
  --roles             app roles to add if they are missing; default: DoAll
  --token-version     version of the access tokens for the API; default: 2
END
}
check_arguments 1 6 "$@"
name=$1 assignment_required=true roles=DoAll token_version=2
shift
while [ $# -gt 0 ]; do
  case "$1 ${2:-}" in
    --allow-unassigned*) assignment_required=false ;;
    "--roles "[A-Za-z]*) roles=$2 && shift ;;
    "--token-version 1" | "--token-version 2") token_version=$2 && shift ;;
    *) usage >&2 && exit 2 ;;
  esac
  shift
done

tenant=$(az account show --query tenantId --output tsv)
graph=$(graph_url)
app_id_uri=api://$tenant/$name
scope_id=$(stable_id "$app_id_uri/user_impersonation")

# Lists registrations by name instead of reading one: an empty list means a new registration, an error stops the script.
existing=$(az rest --method GET --url "$graph/applications?\$filter=uniqueName eq '$name'&\$select=appRoles" \
  --query 'value[0].appRoles' --output json)
IFS=, read -ra values <<<"$roles"
app_roles=$(python3 scripts/lib/app_roles.py "$app_id_uri" "${values[@]}" <<<"${existing:-null}")

application() { # PRE_AUTHORIZED_APPLICATIONS
  upsert "$graph/applications(uniqueName='$name')" '{
    "displayName": "'"$name"'",
    "signInAudience": "AzureADMyOrg",
    "identifierUris": ["'"$app_id_uri"'"],
    "api": {
      "requestedAccessTokenVersion": '"$token_version"',
      "oauth2PermissionScopes": [{
        "id": "'"$scope_id"'", "value": "user_impersonation", "type": "User", "isEnabled": true,
        "adminConsentDisplayName": "Call aad-func",
        "adminConsentDescription": "Call aad-func on behalf of the signed-in user.",
        "userConsentDisplayName": "Call aad-func",
        "userConsentDescription": "Call aad-func on your behalf."
      }],
      "preAuthorizedApplications": '"$1"'
    },
    "appRoles": '"$app_roles"',
    "optionalClaims": {"accessToken": [{"name": "idtyp"}]}
  }'
}

# Two requests, because the scope must exist before clients can be pre-authorized for it.
application '[]'
retry application "$(pre_authorized "$scope_id")"
client_id=$(az rest --method GET --url "$graph/applications(uniqueName='$name')" --query appId --output tsv)

# The registration's service principal, which the portal calls enterprise application.
retry upsert "$graph/servicePrincipals(appId='$client_id')" '{"appRoleAssignmentRequired": '"$assignment_required"'}'

echo "client ID   $client_id"
echo "App ID URI  $app_id_uri"
