// msi-func in the directory, for calls on behalf of its users: what they sign in to, the managed identity that proves
// to be it in place of a secret, and the consent to call aad-func as them.
extension microsoftGraphV1

@description('Alternate key: a second deployment finds the registration by it.')
param uniqueName string

param displayName string
param appIdUri string
param scopeValue string

@description('Client id of the API that is called.')
param apiClientId string

@description('Object id of that API\'s service principal.')
param apiServicePrincipalId string

@description('Id of that API\'s scope; its value is the same as ours.')
param apiScopeId string

@description('Object id of the user-assigned identity that the registration trusts as itself.')
param identityPrincipalId string

@description('Who vouches for the identity, to the letter.')
param issuer string

@description('What the identity\'s token has to be for; each cloud has its own.')
param exchangeAudience string

// Developers sign in with these two. azd uses Azure CLI's.
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
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: [
      {
        id: scopeGuid
        value: scopeValue
        type: 'User'
        isEnabled: true
        adminConsentDisplayName: 'Call msi-func'
        adminConsentDescription: 'Call msi-func on behalf of the signed-in user.'
        userConsentDisplayName: 'Call msi-func'
        userConsentDescription: 'Call msi-func on your behalf.'
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
  requiredResourceAccess: [
    {
      resourceAppId: apiClientId
      resourceAccess: [
        {
          id: apiScopeId
          type: 'Scope'
        }
      ]
    }
  ]

  resource credential 'federatedIdentityCredentials@v1.0' = {
    name: '${application.uniqueName}/msi-func'
    description: 'The managed identity of the function app.'
    audiences: [
      exchangeAudience
    ]
    issuer: issuer
    subject: identityPrincipalId
  }
}

resource servicePrincipal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: application.appId
}

// An administrator's consent for all users: nobody is asked.
resource consent 'Microsoft.Graph/oauth2PermissionGrants@v1.0' = {
  clientId: servicePrincipal.id
  consentType: 'AllPrincipals'
  resourceId: apiServicePrincipalId
  scope: scopeValue
}

output clientId string = application.appId
