// Lets an app read its package and keep the host's own data in its storage account.

param storageName string

@description('Object ID of the app\'s identity.')
param principalId string

// Storage Blob Data Owner, the only role that an app without queues and tables needs:
// https://learn.microsoft.com/azure/azure-functions/functions-reference#connecting-to-host-storage-with-an-identity
var roleId = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  // A role assignment cannot change its principal, so another identity needs another name.
  name: guid(storage.id, principalId, roleId)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
