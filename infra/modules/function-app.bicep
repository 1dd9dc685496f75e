// A Python function app on Flex Consumption. It has its own plan, because a plan holds one app. It has its own storage
// account, so that no other app can replace its package. Only the system-assigned identity has access to storage and
// telemetry: there are no keys and no publishing passwords.

@description('Name of the service in azure.yaml.')
param serviceName string

param name string
param location string
param tags object
param pythonVersion string
param maximumInstanceCount int
param perInstanceConcurrency int
param applicationInsightsName string
param applicationInsightsConnectionString string

@description('Resource IDs of the user-assigned identities. The app also has a system-assigned identity.')
param userAssignedIdentityIds string[] = []

var packageContainer = 'app-package'

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
  identity: empty(userAssignedIdentityIds)
    ? {
        type: 'SystemAssigned'
      }
    : {
        type: 'SystemAssigned, UserAssigned'
        userAssignedIdentities: toObject(userAssignedIdentityIds, id => id, id => {})
      }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
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
          authentication: {
            type: 'SystemAssignedIdentity'
          }
        }
      }
    }
  }
}

resource scmCredentials 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

resource ftpCredentials 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

// A role assignment's name contains the identity's object ID, which Bicep accepts only as a parameter of a module.
module storageAccess 'storage-access.bicep' = {
  name: '${name}-storage-access'
  params: {
    storageName: storage.name
    principalId: site.identity.principalId
  }
}

module telemetryAccess 'telemetry-access.bicep' = {
  name: '${name}-telemetry-access'
  params: {
    applicationInsightsName: applicationInsightsName
    principalId: site.identity.principalId
  }
}

output name string = site.name
output hostName string = site.properties.defaultHostName
output storageId string = storage.id

@description('Object ID of the system-assigned identity.')
output principalId string = site.identity.principalId

@description('App settings that the Functions host requires.')
output hostSettings object = {
  AzureWebJobsStorage__accountName: storage.name
  AzureWebJobsStorage__credential: 'managedidentity'
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'Authorization=AAD'
}
