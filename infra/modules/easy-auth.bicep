// App Service authentication (Easy Auth) in front of an API: no token, or not one for this API: 401; not a caller on the
// list: 403. App roles it never looks at, those are the code's.

param siteName string
param enabled bool

@description('Must name the tenant: with any other form Easy Auth does not check the issuer at all.')
param issuer string

param clientId string
param allowedAudiences string[]

@description('Object ids. (A site does not tell the client id of its system-assigned identity.)')
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
          defaultAuthorizationPolicy: {
            allowedPrincipals: {
              identities: allowedPrincipals
            }
          }
        }
      }
    }
    login: {
      tokenStore: {
        enabled: true
      }
    }
  }
}
