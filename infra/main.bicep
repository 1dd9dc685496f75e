// Everything that docs/deploy.md describes: aad-func's app registration, the two function apps, and the role that lets
// one call the other. `azd up` deploys it; without azd: az deployment sub create --template-file infra/main.bicep
targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of this environment (dev, test, ...). Each has its own resources and its own app registration.')
param environmentName string

@minLength(1)
@description('Region. `az functionapp list-flexconsumption-locations` lists those that can be used.')
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
@description('Concurrent HTTP requests per instance of each app. Without it a Python app gets one at a time, so a burst of requests starts as many cold instances.')
param perInstanceConcurrency int = 64

@allowed([
  'system'
  'user'
])
@description('Which managed identity msi-func has: its own (system) or one that can outlive it (user).')
param callerIdentity string = 'system'

@description('Whether Entra ID refuses a token for aad-func to whoever has none of its roles.')
param assignmentRequired bool = true

@description('Whether the role is assigned here: in Entra, or with existingClientId by AAD_FUNC_ROLE_ASSIGNMENTS. Set to false once a redeployment reports that the assignment exists already, or if an administrator assigns the role.')
param assignRole bool = true

@description('Whether Easy Auth stands in front of aad-func. Without it the code checks the token itself.')
param easyAuth bool = false

@description('Object ids that Easy Auth lets in besides msi-func\'s identity, comma-separated.')
param easyAuthCallers string = ''

@description('Client id of an app registration that exists already. Empty: one is created, which needs directory rights.')
param existingClientId string = ''

@description('App ID URI of that registration, where it is not api://<client id>.')
param existingAppIdUri string = ''

@description('Accepted `aud` values, comma-separated. Needed only where an existing registration issues version 1 tokens for another App ID URI.')
param audiences string = ''

@description('Client ids of the only applications that aad-func lets in, comma-separated. Empty: any that has the role.')
param allowedCallers string = ''

@description('Whether msi-func can also call on behalf of the signed-in user. Needs callerIdentity `user`, a callModes with `user`, and a registration created here.')
param onBehalfOf bool = false

@allowed([
  'app'
  'user'
  'app,user'
])
@description('Whose identity callers of msi-func may choose (MSI_FUNC_CALL_MODES). With `app,user`, a user whom as=user rejects can call with the app\'s rights instead: for users, choose `user`.')
param callModes string = 'app'

var role = 'DoAll'
var scope = 'user_impersonation'

var newRegistration = empty(existingClientId)
var rolesBySetting = !newRegistration && assignRole && contains(callModes, 'app')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var authority = environment().authentication.loginEndpoint
var tenantId = tenant().tenantId

// Known beforehand, unlike api://<client id>: the registration need not refer to itself.
var apiName = 'aad-func-${token}'
var newAppIdUri = 'api://${tenantId}/${apiName}'

var clientId = newRegistration ? registration!.outputs.clientId : existingClientId
var appIdUri = newRegistration ? newAppIdUri : empty(existingAppIdUri) ? 'api://${existingClientId}' : existingAppIdUri

resource group 'Microsoft.Resources/resourceGroups@2022-09-01' = {
  name: 'rg-${environmentName}'
  location: location
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
    roleValue: role
    scopeValue: scope
    assignmentRequired: assignmentRequired
  }
}

module identity 'modules/identity.bicep' = if (callerIdentity == 'user') {
  name: 'identity'
  scope: group
  params: {
    name: 'id-msi-func-${token}'
    location: location
    tags: tags
  }
}

// Each cloud has its own name for the exchange of an identity's token.
var exchangeAudiences = {
  AzureCloud: 'api://AzureADTokenExchange'
  AzureUSGovernment: 'api://AzureADTokenExchangeUSGov'
  AzureChinaCloud: 'api://AzureADTokenExchangeChina'
}
var allowsUser = contains(callModes, 'user') || !onBehalfOf ? true : fail('onBehalfOf needs callModes `user` or `app,user`.')
var asUser = allowsUser && onBehalfOf && newRegistration && callerIdentity == 'user'
var callerName = 'msi-func-${token}'

module callerRegistration 'modules/caller-registration.bicep' = if (asUser) {
  name: 'caller-registration'
  scope: group
  params: {
    uniqueName: callerName
    displayName: 'msi-func (${environmentName})'
    appIdUri: 'api://${tenantId}/${callerName}'
    scopeValue: scope
    apiClientId: clientId
    apiServicePrincipalId: registration!.outputs.servicePrincipalId
    apiScopeId: registration!.outputs.scopeId
    identityPrincipalId: identity!.outputs.principalId
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
    userAssignedIdentityName: callerIdentity == 'user' ? identity!.outputs.name : ''
    applicationInsightsConnectionString: monitoring.outputs.connectionString
  }
}

module aadFuncSettings 'modules/app-settings.bicep' = {
  name: 'aad-func-settings'
  scope: group
  params: {
    siteName: aadFunc.outputs.name
    // An empty setting is an error to the code, so a setting without a value is left out.
    settings: union(
      aadFunc.outputs.hostSettings,
      {
        ENTRA_TENANT_ID: tenantId
        ENTRA_AUTHORITY: authority
        AAD_FUNC_CLIENT_ID: clientId
        AAD_FUNC_AUTHENTICATION: easyAuth ? 'easy_auth' : 'token'
        AAD_FUNC_REQUIRED_ROLE: role
        AAD_FUNC_REQUIRED_SCOPE: scope
        'AzureWebJobs.msi_func.Disabled': 'true'
      },
      empty(audiences) ? {} : { AAD_FUNC_AUDIENCES: audiences },
      empty(allowedCallers) ? {} : { AAD_FUNC_ALLOWED_CALLERS: allowedCallers },
      rolesBySetting ? { AAD_FUNC_ROLE_ASSIGNMENTS: '${role}=${msiFunc.outputs.principalId}' } : {}
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
        // Room for a cold start of aad-func, which scales to zero.
        AAD_FUNC_TIMEOUT_SECONDS: '30'
        MSI_FUNC_CALL_MODES: callModes
        'AzureWebJobs.aad_func.Disabled': 'true'
      },
      callerIdentity == 'user' ? { AAD_FUNC_IDENTITY_CLIENT_ID: identity!.outputs.clientId } : {},
      asUser
        ? {
            ENTRA_TENANT_ID: tenantId
            ENTRA_AUTHORITY: authority
            MSI_FUNC_CLIENT_ID: callerRegistration!.outputs.clientId
            MSI_FUNC_FEDERATED_IDENTITY_CLIENT_ID: identity!.outputs.clientId
          }
        : {}
    )
  }
}

// Deployed in either case: else switching Easy Auth off here would leave it on there.
module aadFuncEasyAuth 'modules/easy-auth.bicep' = {
  name: 'aad-func-easy-auth'
  scope: group
  params: {
    siteName: aadFunc.outputs.name
    enabled: easyAuth
    issuer: '${authority}${tenantId}/v2.0'
    clientId: clientId
    allowedAudiences: empty(audiences) ? [clientId, appIdUri] : map(split(audiences, ','), value => trim(value))
    allowedPrincipals: concat(
      [msiFunc.outputs.principalId],
      empty(easyAuthCallers) ? [] : map(split(easyAuthCallers, ','), value => trim(value))
    )
  }
}

// Last, because the directory needs time to replicate the identity. An app that calls only as its users needs no role.
module roleAssignment 'modules/role-assignment.bicep' = if (newRegistration && assignRole && contains(callModes, 'app')) {
  name: 'role-assignment'
  scope: group
  params: {
    servicePrincipalId: registration!.outputs.servicePrincipalId
    roleId: registration!.outputs.roleId
    principalId: msiFunc.outputs.principalId
  }
  dependsOn: [
    aadFuncEasyAuth
  ]
}

output RESOURCE_GROUP string = group.name
output MSI_FUNC_NAME string = msiFunc.outputs.name
output MSI_FUNC_URL string = 'https://${msiFunc.outputs.hostName}/api/msi-func'
output MSI_FUNC_PRINCIPAL_ID string = msiFunc.outputs.principalId
output AAD_FUNC_NAME string = aadFunc.outputs.name
output AAD_FUNC_URL string = 'https://${aadFunc.outputs.hostName}/api/aad-func'
output AAD_FUNC_CLIENT_ID string = clientId

@description('What users get a token for, to be called on behalf of; empty where msi-func calls as itself only.')
output CALLER_SCOPE string = asUser ? 'api://${tenantId}/${callerName}/.default' : ''
output AAD_FUNC_SCOPE string = '${appIdUri}/.default'

@description('What an administrator still has to run; empty where nothing is left.')
output NEXT_STEP string = newRegistration || rolesBySetting
  ? ''
  : 'scripts/assign-role.sh ${clientId} ${msiFunc.outputs.principalId} ${role}'
