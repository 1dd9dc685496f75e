#!/usr/bin/env bash
# What azd runs before provisioning (azure.yaml): checks what the later hooks need, before anything is created.
set -euo pipefail

if [ -z "${AZURE_ENV_NAME:-}" ]; then
  echo "usage: azd runs this script, with the environment's values as environment variables" >&2
  exit 2
fi
if ! command -v az >/dev/null; then
  echo "Azure CLI is missing: https://learn.microsoft.com/cli/azure/install-azure-cli" >&2
  exit 1
fi
if ! az account show --output none 2>/dev/null; then
  echo "Sign in to the same tenant as azd first: az login" >&2
  exit 1
fi
