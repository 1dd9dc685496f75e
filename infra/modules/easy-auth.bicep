// App Service authentication (Easy Auth) in front of an API: 401 without a valid token for it, 403 for callers that are
// not listed. It does not check app roles; the code does.

param siteName string
param enabled bool

@description('Must name the tenant: with any other form Easy Auth does not check the issuer.')
param issuer string

param clientId string
param allowedAudiences string[]

@description('Client IDs. Easy Auth requires both lists to match, so only one may have entries.')
param allowedApplications string[]

@description('Object IDs, for a system-assigned identity, whose client ID a site does not expose.')
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
