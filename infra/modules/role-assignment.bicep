// Lets an identity call an API: one of the API's app roles, assigned to the identity's service principal.
extension microsoftGraphV1

@description('Object id of the API\'s service principal (enterprise application), not of its app registration.')
param servicePrincipalId string

param roleId string

@description('Object id of the identity (its service principal), not its client id.')
param principalId string

resource assignment 'Microsoft.Graph/appRoleAssignedTo@v1.0' = {
  resourceId: servicePrincipalId
  appRoleId: roleId
  principalId: principalId
}
