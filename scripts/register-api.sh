#!/usr/bin/env bash
# Makes aad-func's app registration what infra/modules/registration.bicep makes it, for people who use neither azd nor
# Bicep. Can be run again: it finds the registration by its unique name and sets everything anew.
# Needs az, signed in as somebody who may write app registrations, and python3.
set -euo pipefail

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ "${2:---allow-unassigned}" != --allow-unassigned ]; then
  echo "usage: $0 NAME [--allow-unassigned]" >&2
  echo "  NAME                unique in the tenant, one for each environment: aad-func-dev" >&2
  echo "  --allow-unassigned  any identity of the tenant gets a token, without roles unless it has some" >&2
  exit 2
fi
name=$1
assignment_required=$([ $# -eq 2 ] && echo false || echo true)

tenant=$(az account show --query tenantId --output tsv)
graph=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)
graph=${graph%/}/v1.0
app_id_uri=api://$tenant/$name

# The same ids each time, or a second run would replace the role and with it the assignments.
id_of() { python3 -c 'import sys, uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, sys.argv[1]))' "$app_id_uri/$1"; }
role_id=$(id_of DoAll)
scope_id=$(id_of user_impersonation)

again() { # What has just been made is not known everywhere in the directory at once.
  for try in 1 2 3 4 5; do
    "$@" && return
    echo "Try $try of 6 failed; another one in ${RETRY_SECONDS:-10} seconds." >&2
    sleep "${RETRY_SECONDS:-10}"
  done
  "$@"
}

upsert() { # URL BODY
  az rest --method PATCH --url "$1" --headers Content-Type=application/json Prefer=create-if-missing --body "$2" \
    --output none
}

application() { # PRE_AUTHORIZED_APPLICATIONS
  upsert "$graph/applications(uniqueName='$name')" '{
    "displayName": "'"$name"'",
    "signInAudience": "AzureADMyOrg",
    "identifierUris": ["'"$app_id_uri"'"],
    "api": {
      "requestedAccessTokenVersion": 2,
      "oauth2PermissionScopes": [{
        "id": "'"$scope_id"'", "value": "user_impersonation", "type": "User", "isEnabled": true,
        "adminConsentDisplayName": "Call aad-func",
        "adminConsentDescription": "Call aad-func on behalf of the signed-in user.",
        "userConsentDisplayName": "Call aad-func",
        "userConsentDescription": "Call aad-func on your behalf."
      }],
      "preAuthorizedApplications": '"$1"'
    },
    "appRoles": [{
      "id": "'"$role_id"'", "value": "DoAll", "displayName": "DoAll", "isEnabled": true,
      "description": "Call every function of aad-func.",
      "allowedMemberTypes": ["Application", "User"]
    }],
    "optionalClaims": {"accessToken": [{"name": "idtyp"}]}
  }'
}

# Twice: a scope has to exist before a client can be pre-authorized for it. The clients are Azure CLI and VS Code.
application '[]'
again application '[
  {"appId": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "delegatedPermissionIds": ["'"$scope_id"'"]},
  {"appId": "aebc6443-996d-45c2-90f0-388ff96faa56", "delegatedPermissionIds": ["'"$scope_id"'"]}
]'
client_id=$(az rest --method GET --url "$graph/applications(uniqueName='$name')" --query appId --output tsv)

# The registration in this tenant: its service principal, also known as enterprise application.
again upsert "$graph/servicePrincipals(appId='$client_id')" '{"appRoleAssignmentRequired": '"$assignment_required"'}'

echo "client id   $client_id"
echo "App ID URI  $app_id_uri"
