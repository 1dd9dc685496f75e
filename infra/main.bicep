// The app registrations and both function apps that docs/deploy.md describes. `azd up` deploys this template. Without azd:
// az deployment sub create --template-file infra/main.bicep. scripts/assign-role.sh then assigns the app role, because a
// second deployment of an existing assignment fails: https://github.com/microsoftgraph/msgraph-bicep-types/issues/161
targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of this environment (dev, test, ...). Each environment has its own resources and app registrations.')
param environmentName string

@allowed([
  'australiaeast'
  'australiasoutheast'
  'brazilsouth'
  'canadacentral'
  'centralindia'
  'centralus'
  'eastasia'
  'eastus'
  'eastus2'
  'francecentral'
  'germanywestcentral'
  'italynorth'
  'japaneast'
  'koreacentral'
  'northcentralus'
  'northeurope'
  'norwayeast'
  'southafricanorth'
  'southcentralus'
  'southeastasia'
  'southindia'
  'spaincentral'
  'swedencentral'
  'uaenorth'
  'uksouth'
  'ukwest'
  'westcentralus'
  'westeurope'
  'westus'
  'westus2'
  'westus3'
])
@description('Azure region. To use another region with Flex Consumption, add it to this list; `az functionapp list-flexconsumption-locations` shows all of them.')
@metadata({
  azd: {
    type: 'location'
  }
})
param location string

@allowed([
  '3.11'
  '3.12'
  '3.13'
  '3.14'
])
@description('Python version of both apps.')
param pythonVersion string = '3.12'

@minValue(40)
@maxValue(1000)
@description('Maximum number of instances of each app.')
param maximumInstanceCount int = 40

@minValue(1)
@maxValue(1000)
@description('Concurrent HTTP requests per instance of each app. With the platform\'s default for Python, 1, each request of a burst starts a cold instance.')
param perInstanceConcurrency int = 64

@allowed([
  'app'
  'user'
  'app,user'
])
@description('Call modes that callers of msi-func can choose (MSI_FUNC_CALL_MODES): as the app, on behalf of the user, or either. If users call msi-func, choose `user`, because with `app,user` a user without the app role can call aad-func with the app\'s rights.')
param callModes string = 'app'

@allowed([
  'managed_identity'
  'application'
])
@description('How msi-func calls as itself (AAD_FUNC_CREDENTIAL): with its managed identity\'s token, or as its app registration, which trusts a managed identity. With `application`, a new app role takes effect with the next token instead of after up to 24 hours.')
param callAs string = 'managed_identity'

@allowed([
  'system'
  'user'
])
@description('The managed identity with which msi-func calls: its system-assigned one, or a user-assigned one, which remains if the app is deleted.')
param callerIdentity string = 'system'

@allowed([
  'entra'
  'setting'
  'none'
])
@description('How the caller gets the app role: assigned in Entra ID after the deployment (entra), granted by AAD_FUNC_ROLE_ASSIGNMENTS, which needs no directory rights (setting), or assigned later by an administrator (none).')
param roleAssignment string = 'entra'

@minLength(1)
@description('App roles of aad-func, comma-separated. aad-func requires the first one. List all app roles, because a deployment removes roles that are not listed.')
param appRoles string = 'DoAll'

@description('Whether Entra ID issues tokens for aad-func only to callers with an app role.')
param assignmentRequired bool = true

@allowed([
  1
  2
])
@description('Version of the access tokens for aad-func (requestedAccessTokenVersion).')
param tokenVersion int = 2

@description('Whether Easy Auth validates tokens in front of aad-func. If not, the code of aad-func does.')
param easyAuth bool = false

@description('Callers in addition to msi-func that Easy Auth admits, comma-separated. Use object IDs if msi-func calls as its system-assigned identity, otherwise client IDs.')
param easyAuthCallers string = ''

@description('Client ID of an existing app registration for aad-func. If empty, the deployment creates one, which needs directory rights.')
param existingClientId string = ''

@description('App ID URI of the existing app registration, if it is not api://<client id>.')
param existingAppIdUri string = ''

@description('Accepted `aud` values, comma-separated, if they are neither the client ID nor the App ID URI.')
param audiences string = ''

@description('Client IDs of the applications that aad-func accepts, comma-separated. If empty, aad-func accepts every application with the app role. The client IDs of msi-func\'s app registration and user-assigned identity are added automatically. Add the client ID of msi-func\'s system-assigned identity yourself.')
param allowedCallers string = ''

var scope = 'user_impersonation'
var roles = map(split(appRoles, ','), value => trim(value))

var newRegistration = empty(existingClientId)
var callsAsApp = contains(callModes, 'app')
var callsAsUser = contains(callModes, 'user')
var asApplication = callAs == 'application'
var asUserAssigned = callerIdentity == 'user'
var hasCallerRegistration = asApplication || callsAsUser
var rolesBySetting = roleAssignment == 'setting'
var moreEasyAuthCallers = empty(easyAuthCallers) ? [] : map(split(easyAuthCallers, ','), value => trim(value))

// Invalid combinations of parameters fail before anything is deployed, each with its own message.
var errors = filter(
  [
    hasCallerRegistration && !newRegistration ? 'existingClientId leaves the directory unchanged, so it cannot be combined with callAs `application` or with callModes `user` or `app,user`.' : ''
    asApplication && !callsAsApp ? 'callAs `application` needs callModes `app` or `app,user`.' : ''
    asUserAssigned && (asApplication || !callsAsApp) ? 'callerIdentity `user` needs callAs `managed_identity` and callModes `app` or `app,user`.' : ''
    rolesBySetting && !callsAsApp ? 'roleAssignment `setting` grants roles to applications only, so it needs callModes `app` or `app,user`.' : ''
    rolesBySetting && newRegistration && assignmentRequired ? 'roleAssignment `setting` needs assignmentRequired `false`, because otherwise Entra ID issues no token to a caller without an assigned role.' : ''
    easyAuth && callModes == 'app,user' && !asApplication && !asUserAssigned ? 'easyAuth admits either a system-assigned identity or users, so callModes `app,user` needs callAs `application` or callerIdentity `user`.' : ''
    !easyAuth && !empty(easyAuthCallers) ? 'easyAuthCallers needs easyAuth `true`.' : ''
    length(moreEasyAuthCallers) > 10 ? 'easyAuthCallers contains more than 10 IDs, but Easy Auth limits the list to 500 characters.' : ''
    newRegistration && !empty(existingAppIdUri) ? 'existingAppIdUri needs existingClientId.' : ''
  ],
  message => !empty(message)
)
var checkedLocation = empty(errors) ? location : fail(join(errors, ' '))

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var authority = environment().authentication.loginEndpoint
var tenantId = tenant().tenantId

// These names are known before the deployment. api://<client id> is not, because the registration does not exist yet.
var apiName = 'aad-func-${token}'
var callerName = 'msi-func-${token}'
var newAppIdUri = 'api://${tenantId}/${apiName}'
var callerAppIdUri = 'api://${tenantId}/${callerName}'

var clientId = newRegistration ? registration!.outputs.clientId : existingClientId
var appIdUri = newRegistration ? newAppIdUri : empty(existingAppIdUri) ? 'api://${existingClientId}' : existingAppIdUri

// The audience of a version 1 token is the URI that the token was requested for.
var acceptedAudiences = empty(audiences)
  ? [clientId, appIdUri]
  : map(split(audiences, ','), value => trim(value))

resource group 'Microsoft.Resources/resourceGroups@2022-09-01' = {
  name: 'rg-${environmentName}'
  location: checkedLocation
  tags: tags
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    suffix: token
    location: location
    tags: tags
  }
}

module registration 'modules/registration.bicep' = if (newRegistration) {
  name: 'registration'
  scope: group
  params: {
    uniqueName: apiName
    displayName: 'aad-func (${environmentName})'
    appIdUri: newAppIdUri
    roleValues: roles
    scopeValue: scope
    tokenVersion: tokenVersion
    assignmentRequired: assignmentRequired
  }
}

module callingIdentity 'modules/identity.bicep' = if (asUserAssigned) {
  name: 'caller-identity'
  scope: group
  params: {
    name: 'id-msi-func-${token}'
    location: location
    tags: tags
  }
}

// This identity only authenticates msi-func's app registration. It has no app role and no access to storage.
module federatedIdentity 'modules/identity.bicep' = if (hasCallerRegistration) {
  name: 'federated-identity'
  scope: group
  params: {
    name: 'id-msi-func-federated-${token}'
    location: location
    tags: tags
  }
}

// https://learn.microsoft.com/entra/workload-id/workload-identity-federation-config-app-trust-managed-identity
var exchangeAudiences = {
  AzureCloud: 'api://AzureADTokenExchange'
  AzureUSGovernment: 'api://AzureADTokenExchangeUSGov'
  AzureChinaCloud: 'api://AzureADTokenExchangeChina'
}

module callerRegistration 'modules/caller-registration.bicep' = if (hasCallerRegistration) {
  name: 'caller-registration'
  scope: group
  params: {
    uniqueName: callerName
    displayName: 'msi-func (${environmentName})'
    forUsers: callsAsUser
    appIdUri: callerAppIdUri
    scopeValue: scope
    apiClientId: clientId
    apiServicePrincipalId: registration!.outputs.servicePrincipalId
    apiScopeId: registration!.outputs.scopeId
    identityPrincipalId: federatedIdentity!.outputs.principalId
    issuer: '${authority}${tenantId}/v2.0'
    exchangeAudience: exchangeAudiences[environment().name]
  }
}

module aadFunc 'modules/function-app.bicep' = {
  name: 'aad-func'
  scope: group
  params: {
    serviceName: 'aad-func'
    name: apiName
    location: location
    tags: tags
    pythonVersion: pythonVersion
    maximumInstanceCount: maximumInstanceCount
    perInstanceConcurrency: perInstanceConcurrency
    applicationInsightsName: monitoring.outputs.name
    applicationInsightsConnectionString: monitoring.outputs.connectionString
  }
}

module msiFunc 'modules/function-app.bicep' = {
  name: 'msi-func'
  scope: group
  params: {
    serviceName: 'msi-func'
    name: callerName
    location: location
    tags: tags
    pythonVersion: pythonVersion
    maximumInstanceCount: maximumInstanceCount
    perInstanceConcurrency: perInstanceConcurrency
    userAssignedIdentityIds: concat(
      asUserAssigned ? [callingIdentity!.outputs.id] : [],
      hasCallerRegistration ? [federatedIdentity!.outputs.id] : []
    )
    applicationInsightsName: monitoring.outputs.name
    applicationInsightsConnectionString: monitoring.outputs.connectionString
  }
}

var callerObjectId = asApplication
  ? callerRegistration!.outputs.servicePrincipalId
  : asUserAssigned ? callingIdentity!.outputs.principalId : msiFunc.outputs.principalId

// The system-assigned identity is not included, because a site does not expose its client ID.
var callerClientIds = concat(
  asUserAssigned ? [callingIdentity!.outputs.clientId] : [],
  hasCallerRegistration ? [callerRegistration!.outputs.clientId] : []
)

module aadFuncSettings 'modules/app-settings.bicep' = {
  name: 'aad-func-settings'
  scope: group
  params: {
    siteName: aadFunc.outputs.name
    // The code rejects empty settings, so a setting without a value is omitted.
    settings: union(
      aadFunc.outputs.hostSettings,
      {
        ENTRA_TENANT_ID: tenantId
        ENTRA_AUTHORITY: authority
        AAD_FUNC_CLIENT_ID: clientId
        AAD_FUNC_AUTHENTICATION: easyAuth ? 'easy_auth' : 'token'
        AAD_FUNC_REQUIRED_ROLE: roles[0]
        AAD_FUNC_REQUIRED_SCOPE: scope
        'AzureWebJobs.msi_func.Disabled': 'true'
      },
      empty(audiences) && tokenVersion == 2 ? {} : { AAD_FUNC_AUDIENCES: join(acceptedAudiences, ',') },
      empty(allowedCallers) ? {} : { AAD_FUNC_ALLOWED_CALLERS: join(concat([allowedCallers], callerClientIds), ',') },
      rolesBySetting ? { AAD_FUNC_ROLE_ASSIGNMENTS: '${roles[0]}=${callerObjectId}' } : {}
    )
  }
}

module msiFuncSettings 'modules/app-settings.bicep' = {
  name: 'msi-func-settings'
  scope: group
  params: {
    siteName: msiFunc.outputs.name
    settings: union(
      msiFunc.outputs.hostSettings,
      {
        AAD_FUNC_URL: 'https://${aadFunc.outputs.hostName}/api/aad-func'
        AAD_FUNC_SCOPE: '${appIdUri}/.default'
        // Includes a cold start of aad-func, which scales to zero.
        AAD_FUNC_TIMEOUT_SECONDS: '30'
        MSI_FUNC_CALL_MODES: callModes
        'AzureWebJobs.aad_func.Disabled': 'true'
      },
      asApplication ? { AAD_FUNC_CREDENTIAL: 'application' } : {},
      asUserAssigned ? { AAD_FUNC_IDENTITY_CLIENT_ID: callingIdentity!.outputs.clientId } : {},
      hasCallerRegistration
        ? {
            ENTRA_TENANT_ID: tenantId
            ENTRA_AUTHORITY: authority
            MSI_FUNC_CLIENT_ID: callerRegistration!.outputs.clientId
            MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID: federatedIdentity!.outputs.clientId
          }
        : {}
    )
  }
}

// Deployed even if easyAuth is false, because otherwise a changed parameter could not disable Easy Auth again.
module aadFuncEasyAuth 'modules/easy-auth.bicep' = {
  name: 'aad-func-easy-auth'
  scope: group
  params: {
    siteName: aadFunc.outputs.name
    enabled: easyAuth
    issuer: '${authority}${tenantId}${tokenVersion == 1 ? '' : '/v2.0'}'
    clientId: clientId
    allowedAudiences: acceptedAudiences
    allowedApplications: empty(callerClientIds) ? [] : concat(callerClientIds, moreEasyAuthCallers)
    allowedPrincipals: empty(callerClientIds) ? concat([callerObjectId], moreEasyAuthCallers) : []
  }
}

output AZURE_TENANT_ID string = tenantId
output RESOURCE_GROUP string = group.name
output RESOURCE_GROUP_URL string = '${environment().portal}/#@${tenantId}/resource${group.id}'
output MSI_FUNC_NAME string = msiFunc.outputs.name
output MSI_FUNC_URL string = 'https://${msiFunc.outputs.hostName}/api/msi-func'
output AAD_FUNC_NAME string = aadFunc.outputs.name
output AAD_FUNC_URL string = 'https://${aadFunc.outputs.hostName}/api/aad-func'
output AAD_FUNC_CLIENT_ID string = clientId
output AAD_FUNC_SCOPE string = '${appIdUri}/.default'
output APP_ROLE string = roles[0]

@description('Resource IDs of the storage accounts from which the host reads the packages.')
output STORAGE_IDS string = '${aadFunc.outputs.storageId} ${msiFunc.outputs.storageId}'

@description('Object ID of the service principal that needs the app role in Entra ID. Empty if msi-func does not call as itself, or if AAD_FUNC_ROLE_ASSIGNMENTS grants the role.')
output CALLER_OBJECT_ID string = callsAsApp && !rolesBySetting ? callerObjectId : ''

@description('Client ID of msi-func\'s app registration. Empty if there is none.')
output MSI_FUNC_CLIENT_ID string = hasCallerRegistration ? callerRegistration!.outputs.clientId : ''

@description('The scope for which users request tokens. Empty if msi-func does not call on behalf of users.')
output CALLER_SCOPE string = callsAsUser ? '${callerAppIdUri}/.default' : ''
