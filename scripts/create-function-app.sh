#!/usr/bin/env bash
# Makes a Python function app on Flex Consumption with a system-assigned identity and a storage account of its own that
# knows no keys, as infra/modules/function-app.bicep does. Can be run again: what is there stays.
# Needs az, signed in as somebody who may write resources and assign roles in the resource group, and python3.
set -euo pipefail

if [ $# -lt 3 ] || [ $# -gt 4 ]; then
  echo "usage: $0 NAME RESOURCE_GROUP LOCATION [APP_INSIGHTS]" >&2
  echo "  NAME          of the app, unique in Azure: aad-func-4711" >&2
  echo "  APP_INSIGHTS  an Application Insights of this resource group; else one is made, called NAME" >&2
  echo "PYTHON_VERSION in the environment is 3.12 by default, PER_INSTANCE_CONCURRENCY (of HTTP requests) 64." >&2
  exit 2
fi
name=$1 group=$2 location=$3 insights=${4:-}

subscription=$(az account show --query id --output tsv)
storage=st$(python3 -c 'import sys, uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, sys.argv[1]).hex[:20])' \
  "$subscription/$group/$name")

az storage account create --name "$storage" --resource-group "$group" --location "$location" --sku Standard_LRS \
  --min-tls-version TLS1_2 --allow-blob-public-access false --allow-shared-key-access false --output none
storage_id=$(az storage account show --name "$storage" --resource-group "$group" --query id --output tsv)

if ! az functionapp show --name "$name" --resource-group "$group" --output none 2>/dev/null; then
  az functionapp create --name "$name" --resource-group "$group" --storage-account "$storage" \
    --flexconsumption-location "$location" --runtime python --runtime-version "${PYTHON_VERSION:-3.12}" \
    --deployment-storage-auth-type SystemAssignedIdentity --https-only true ${insights:+--app-insights "$insights"} \
    --output none
fi
# The default for Python is one request at a time, so a burst of requests would start as many cold instances.
az functionapp scale config set --name "$name" --resource-group "$group" --output none \
  --trigger-type http --trigger-settings perInstanceConcurrency="${PER_INSTANCE_CONCURRENCY:-64}"
identity=$(az functionapp identity assign --name "$name" --resource-group "$group" --query principalId --output tsv)

# The host's own access to storage: by identity too, in place of the connection string that az has put there.
az role assignment create --assignee-object-id "$identity" --assignee-principal-type ServicePrincipal \
  --role "Storage Blob Data Owner" --scope "$storage_id" --output none
az functionapp config appsettings set --name "$name" --resource-group "$group" --output none --settings \
  AzureWebJobsStorage__accountName="$storage" AzureWebJobsStorage__credential=managedidentity
az functionapp config appsettings delete --name "$name" --resource-group "$group" --output none --setting-names \
  AzureWebJobsStorage

host=$(az functionapp show --name "$name" --resource-group "$group" --query defaultHostName --output tsv)
echo "host name           $host"
echo "identity object id  $identity"
