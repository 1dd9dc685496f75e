// aad-func's app registration and its service principal.
extension microsoftGraphV1

@description('Key by which a later deployment finds the registration. After a deletion, the key cannot be used again until the registration is purged.')
param uniqueName string

param displayName string

@description('App ID URI. It cannot contain the client ID, which is unknown until the registration exists.')
param appIdUri string

param roleValues string[]
param scopeValue string
param tokenVersion int
param assignmentRequired bool

// Applications with which developers sign in. azd uses the client ID of Azure CLI.
var azureCli = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
var visualStudioCode = 'aebc6443-996d-45c2-90f0-388ff96faa56'

var scopeGuid = guid(uniqueName, 'scope', scopeValue)

resource application 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMyOrg'
  identifierUris: [
    appIdUri
  ]
  api: {
    requestedAccessTokenVersion: tokenVersion
    oauth2PermissionScopes: [
      {
        id: scopeGuid
        value: scopeValue
        type: 'User'
        isEnabled: true
        adminConsentDisplayName: 'Call aad-func'
        adminConsentDescription: 'Call aad-func on behalf of the signed-in user.'
        userConsentDisplayName: 'Call aad-func'
        userConsentDescription: 'Call aad-func on your behalf.'
      }
    ]
    preAuthorizedApplications: [
      {
        appId: azureCli
        delegatedPermissionIds: [
          scopeGuid
        ]
      }
      {
        appId: visualStudioCode
        delegatedPermissionIds: [
          scopeGuid
        ]
      }
    ]
  }
  // The ID is the same in each deployment, because a role with another ID would be a new role without assignments.
  appRoles: map(roleValues, roleValue => {
    id: guid(uniqueName, 'role', roleValue)
    value: roleValue
    displayName: roleValue
    description: 'Call the functions of aad-func that require this role.'
    isEnabled: true
    allowedMemberTypes: [
      'Application'
      'User'
    ]
  })
  optionalClaims: {
    accessToken: [
      {
        name: 'idtyp'
      }
    ]
  }
}

resource servicePrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: application.appId
  appRoleAssignmentRequired: assignmentRequired
}

output clientId string = application.appId
output servicePrincipalId string = servicePrincipal.id
output scopeId string = scopeGuid
