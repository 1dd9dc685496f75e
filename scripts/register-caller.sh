#!/usr/bin/env bash
# Creates msi-func's app registration like infra/modules/caller-registration.bicep does. The registration trusts a
# user-assigned managed identity instead of a secret. A second run finds the registration by its unique name and sets all
# properties again.
# Needs python3, and az, signed in as someone who can create app registrations. --users-of also needs the right to grant
# consent for all users.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/common.sh
. scripts/lib/common.sh

usage() {
  cat <<'END'
usage: scripts/register-caller.sh NAME IDENTITY_OBJECT_ID [--users-of API_CLIENT_ID]
  NAME                unique name in the tenant, one for each environment, such as msi-func-dev
  IDENTITY_OBJECT_ID  object ID (principal ID) of the user-assigned identity, not its client ID
  --users-of          let users request tokens for msi-func, and let msi-func call this API on their behalf
                      (call mode `user`)
END
}
check_arguments 2 4 "$@"
name=$1 identity=$2 api=${4:-}
if [ $# -eq 3 ] || [ "${3:---users-of}" != --users-of ]; then
  usage >&2
  exit 2
fi

tenant=$(az account show --query tenantId --output tsv)
authority=$(az cloud show --query endpoints.activeDirectory --output tsv)
case $(az cloud show --query name --output tsv) in
  AzureUSGovernment) audience=api://AzureADTokenExchangeUSGov ;;
  AzureChinaCloud) audience=api://AzureADTokenExchangeChina ;;
  *) audience=api://AzureADTokenExchange ;;
esac
graph=$(graph_url)
app_id_uri=api://$tenant/$name
uris='[]' scopes='[]' permissions='[]'
if [ -n "$api" ]; then
  scope_id=$(stable_id "$app_id_uri/user_impersonation")
  api_principal=$(az ad sp show --id "$api" --query id --output tsv)
  api_scope=$(az ad sp show --id "$api" --query "oauth2PermissionScopes[?value=='user_impersonation'].id | [0]" --output tsv)
  uris='["'$app_id_uri'"]'
  scopes='[{
    "id": "'$scope_id'", "value": "user_impersonation", "type": "User", "isEnabled": true,
    "adminConsentDisplayName": "Call msi-func",
    "adminConsentDescription": "Call msi-func on behalf of the signed-in user.",
    "userConsentDisplayName": "Call msi-func",
    "userConsentDescription": "Call msi-func on your behalf."
  }]'
  permissions='[{"resourceAppId": "'$api'", "resourceAccess": [{"id": "'$api_scope'", "type": "Scope"}]}]'
fi

application() { # PRE_AUTHORIZED_APPLICATIONS
  upsert "$graph/applications(uniqueName='$name')" '{
    "displayName": "'"$name"'",
    "signInAudience": "AzureADMyOrg",
    "identifierUris": '"$uris"',
    "api": {
      "requestedAccessTokenVersion": 2,
      "oauth2PermissionScopes": '"$scopes"',
      "preAuthorizedApplications": '"$1"'
    },
    "requiredResourceAccess": '"$permissions"'
  }'
}

application '[]'
if [ -n "$api" ]; then
  retry application "$(pre_authorized "$scope_id")" # The scope must exist first.
fi
client_id=$(az rest --method GET --url "$graph/applications(uniqueName='$name')" --query appId --output tsv)
retry upsert "$graph/applications(appId='$client_id')/federatedIdentityCredentials(name='msi-func')" '{
  "description": "The managed identity of the function app.",
  "issuer": "'"${authority%/}/$tenant/v2.0"'",
  "subject": "'"$identity"'",
  "audiences": ["'"$audience"'"]
}'
retry upsert "$graph/servicePrincipals(appId='$client_id')" '{"appRoleAssignmentRequired": false}'
principal=$(retry az ad sp show --id "$client_id" --query id --output tsv)

if [ -n "$api" ]; then
  # An administrator's consent for all users. Without it, every user would have to consent.
  consented=$(az rest --method GET --query 'value[0].id' --output tsv --url \
    "$graph/oauth2PermissionGrants?\$filter=clientId eq '$principal' and resourceId eq '$api_principal' and consentType eq 'AllPrincipals'")
  if [ -z "$consented" ]; then
    retry az rest --method POST --url "$graph/oauth2PermissionGrants" --headers Content-Type=application/json --output none \
      --body '{"clientId": "'"$principal"'", "consentType": "AllPrincipals", "resourceId": "'"$api_principal"'", "scope": "user_impersonation"}'
  fi
fi

echo "client ID   $client_id"
echo "object ID   $principal"
if [ -n "$api" ]; then
  echo "user scope  $app_id_uri/.default"
fi
