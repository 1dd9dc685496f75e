#!/usr/bin/env bash
# azd runs this hook before provisioning (azure.yaml). It checks that az is installed and signed in, because later hooks
# need az.
set -euo pipefail

if [ -z "${AZURE_ENV_NAME:-}" ]; then
  echo "usage: azd runs this hook, with the values of the azd environment as environment variables" >&2
  exit 2
fi
if ! command -v az >/dev/null; then
  echo "Azure CLI is not installed. Install it: https://learn.microsoft.com/cli/azure/install-azure-cli" >&2
  exit 1
fi
if ! az account show --output none 2>/dev/null; then
  echo "First sign in to the same tenant as azd: az login" >&2
  exit 1
fi
