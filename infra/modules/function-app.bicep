// A Python function app on Flex Consumption, with a plan and a storage account of its own: a plan holds one app, and an
// app whose identity may write another's package could replace its code. Storage knows identities only, no keys.

@description('The service in azure.yaml that is deployed here.')
param serviceName string

param name string
param location string
param tags object
param pythonVersion string
param maximumInstanceCount int
param perInstanceConcurrency int
param applicationInsightsConnectionString string

@description('A user-assigned identity of this resource group. Empty: the app has a system-assigned one.')
param userAssignedIdentityName string = ''

var packageContainer = 'app-package'
var userAssigned = !empty(userAssignedIdentityName)

// Storage Blob Data Owner: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage
var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = if (userAssigned) {
  name: userAssignedIdentityName
}

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: 'st${uniqueString(resourceGroup().id, name)}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: 'Standard_LRS'
  }
  properties: {
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }

  resource blobs 'blobServices' = {
    name: 'default'

    resource packages 'containers' = {
      name: packageContainer
    }
  }
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource site 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': serviceName })
  kind: 'functionapp,linux'
  identity: userAssigned
    ? {
        type: 'UserAssigned'
        userAssignedIdentities: {
          '${identity!.id}': {}
        }
      }
    : {
        type: 'SystemAssigned'
      }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      runtime: {
        name: 'python'
        version: pythonVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: maximumInstanceCount
        triggers: {
          http: {
            perInstanceConcurrency: perInstanceConcurrency
          }
        }
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: userAssigned
            ? {
                type: 'UserAssignedIdentity'
                userAssignedIdentityResourceId: identity!.id
              }
            : {
                type: 'SystemAssignedIdentity'
              }
        }
      }
    }
  }
}

var appPrincipalId = userAssigned ? identity!.properties.principalId : site.identity.principalId

// In a module, so that its name can be made of the identity's object id, which is known only once the site is there.
module storageAccess 'storage-access.bicep' = {
  name: '${name}-storage-access'
  params: {
    storageName: storage.name
    principalId: appPrincipalId
    roleId: blobDataOwner
  }
}

output name string = site.name
output hostName string = site.properties.defaultHostName

@description('App settings that the host needs.')
output hostSettings object = union(
  {
    AzureWebJobsStorage__accountName: storage.name
    AzureWebJobsStorage__credential: 'managedidentity'
    APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
  },
  userAssigned ? { AzureWebJobsStorage__clientId: identity!.properties.clientId } : {}
)

@description('Object id of the identity that the app calls others with.')
output principalId string = appPrincipalId
