// App Service authentication (Easy Auth) in front of an API. It returns 401 if there is no valid token for the API, and
// 403 to callers that are not listed. The code checks app roles, because Easy Auth does not.

param siteName string
param enabled bool

@description('A tenant-specific issuer URL. With any other form, Easy Auth does not check the issuer.')
param issuer string

param clientId string
param allowedAudiences string[]

@description('Client IDs of the allowed callers. Empty if allowedPrincipals is not, because a caller must match both lists.')
param allowedApplications string[]

@description('Object IDs of the allowed callers, used for a system-assigned identity, because a site does not expose its client ID.')
param allowedPrincipals string[]

resource site 'Microsoft.Web/sites@2024-04-01' existing = {
  name: siteName
}

resource authentication 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: site
  name: 'authsettingsV2'
  properties: {
    platform: {
      enabled: enabled
    }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
    }
    httpSettings: {
      requireHttps: true
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          openIdIssuer: issuer
          clientId: clientId
        }
        validation: {
          allowedAudiences: allowedAudiences
          defaultAuthorizationPolicy: union(
            empty(allowedApplications) ? {} : { allowedApplications: allowedApplications },
            empty(allowedPrincipals) ? {} : { allowedPrincipals: { identities: allowedPrincipals } }
          )
        }
      }
    }
    login: {
      tokenStore: {
        enabled: false
      }
    }
  }
}
