#!/usr/bin/env bash
# Creates a Python function app on Flex Consumption like infra/modules/function-app.bicep does, with a system-assigned
# identity and its own storage account, and without storage keys and publishing passwords. All apps of a resource group
# share one Application Insights resource and its workspace. A second run changes nothing.
# Needs python3, and az, signed in as someone who can create resources and assign roles in the resource group.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/common.sh
. scripts/lib/common.sh

usage() {
  cat <<'END'
usage: scripts/create-function-app.sh NAME RESOURCE_GROUP LOCATION
  NAME            name of the app, such as aad-func-4711; unique in Azure, because it is part of the host name
  RESOURCE_GROUP  name of an existing resource group
  LOCATION        Azure region
Environment variables: PYTHON_VERSION (default 3.12), PER_INSTANCE_CONCURRENCY (concurrent HTTP requests, default 64),
MAXIMUM_INSTANCE_COUNT (default 40).
END
}
check_arguments 3 3 "$@"
name=$1 group=$2 location=$3

subscription=$(az account show --query id --output tsv)
storage=st$(stable_id "$subscription/$group/$name" | tr -d - | cut -c 1-20)
insights=appi-$group

az monitor log-analytics workspace create --workspace-name "log-$group" --resource-group "$group" \
  --location "$location" --output none
workspace_id=$(az monitor log-analytics workspace show --workspace-name "log-$group" --resource-group "$group" \
  --query id --output tsv)
# Only identities with a role can send telemetry. Otherwise, everyone with the connection string could.
insights_id=$(az resource create --name "$insights" --resource-group "$group" --location "$location" \
  --resource-type Microsoft.Insights/components --api-version 2020-02-02 --query id --output tsv --properties \
  '{"Application_Type": "web", "WorkspaceResourceId": "'"$workspace_id"'", "DisableLocalAuth": true}')

az storage account create --name "$storage" --resource-group "$group" --location "$location" --sku Standard_LRS \
  --min-tls-version TLS1_2 --allow-blob-public-access false --allow-shared-key-access false --output none
storage_id=$(az storage account show --name "$storage" --resource-group "$group" --query id --output tsv)

if ! az functionapp show --name "$name" --resource-group "$group" --output none 2>/dev/null; then
  az functionapp create --name "$name" --resource-group "$group" --storage-account "$storage" \
    --flexconsumption-location "$location" --runtime python --runtime-version "${PYTHON_VERSION:-3.12}" \
    --deployment-storage-auth-type SystemAssignedIdentity --https-only true --app-insights "$insights" --output none
fi
# With the platform's default for Python, 1, each request of a burst would start a cold instance.
az functionapp scale config set --name "$name" --resource-group "$group" --output none \
  --maximum-instance-count "${MAXIMUM_INSTANCE_COUNT:-40}" \
  --trigger-type http --trigger-settings perInstanceConcurrency="${PER_INSTANCE_CONCURRENCY:-64}"
for credentials in scm ftp; do
  az resource update --resource-group "$group" --namespace Microsoft.Web --parent "sites/$name" --output none \
    --resource-type basicPublishingCredentialsPolicies --name "$credentials" --set properties.allow=false
done

# The host accesses storage and telemetry with the app's identity instead of the connection string that az has set.
identity=$(az functionapp identity assign --name "$name" --resource-group "$group" --query principalId --output tsv)
grant() { # ROLE SCOPE
  az role assignment create --assignee-object-id "$identity" --assignee-principal-type ServicePrincipal \
    --role "$1" --scope "$2" --output none
}
retry grant "Storage Blob Data Owner" "$storage_id"
retry grant "Monitoring Metrics Publisher" "$insights_id"
az functionapp config appsettings set --name "$name" --resource-group "$group" --output none --settings \
  AzureWebJobsStorage__accountName="$storage" AzureWebJobsStorage__credential=managedidentity \
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING=Authorization=AAD
az functionapp config appsettings delete --name "$name" --resource-group "$group" --output none --setting-names \
  AzureWebJobsStorage

host=$(az functionapp show --name "$name" --resource-group "$group" --query defaultHostName --output tsv)
echo "host name           $host"
echo "identity object ID  $identity"
