// msi-func's app registration, which trusts a managed identity instead of a secret. If `forUsers` is true, users can
// request tokens for msi-func, and msi-func has an administrator's consent to call aad-func on behalf of users.
extension microsoftGraphV1

@description('Alternate key by which a later deployment finds the registration.')
param uniqueName string

param displayName string
param forUsers bool
param appIdUri string
param scopeValue string

@description('Client ID of the API that is called.')
param apiClientId string

@description('Object ID of the called API\'s service principal.')
param apiServicePrincipalId string

@description('ID of the called API\'s scope. Both APIs use the same value for their scopes.')
param apiScopeId string

@description('Object ID of the user-assigned identity that the registration trusts.')
param identityPrincipalId string

@description('Issuer of the identity\'s tokens. Entra ID compares it exactly.')
param issuer string

@description('Audience of the identity\'s tokens, which differs between clouds.')
param exchangeAudience string

// Applications with which developers sign in. azd uses the client ID of Azure CLI.
var azureCli = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
var visualStudioCode = 'aebc6443-996d-45c2-90f0-388ff96faa56'

var scopeGuid = guid(uniqueName, 'scope', scopeValue)

resource application 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: displayName
  signInAudience: 'AzureADMyOrg'
  identifierUris: forUsers ? [appIdUri] : []
  api: {
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: forUsers
      ? [
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
      : []
    preAuthorizedApplications: forUsers
      ? [
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
      : []
  }
  requiredResourceAccess: forUsers
    ? [
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
    : []

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

// An administrator's consent for all users. Without it, every user would have to consent.
resource consent 'Microsoft.Graph/oauth2PermissionGrants@v1.0' = if (forUsers) {
  clientId: servicePrincipal.id
  consentType: 'AllPrincipals'
  resourceId: apiServicePrincipalId
  scope: scopeValue
}

output clientId string = application.appId
output servicePrincipalId string = servicePrincipal.id
