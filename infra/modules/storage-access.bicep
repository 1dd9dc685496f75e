// An app's access to its storage account.

param storageName string

@description('Object id of the app\'s identity.')
param principalId string

@description('Id of the built-in role.')
param roleId string

resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource access 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  // A role assignment cannot change hands: another identity, another name.
  name: guid(storage.id, principalId, roleId)
  scope: storage
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleId)
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
