# shellcheck shell=bash
# Functions that the scripts share. A script defines usage() before it calls check_arguments.

export MSYS_NO_PATHCONV=1 # Git Bash on Windows would otherwise rewrite resource IDs as paths.

check_arguments() { # MINIMUM MAXIMUM [ARGUMENT...]: prints the usage and exits for --help or a wrong argument count
  local minimum=$1 maximum=$2
  shift 2
  case " $* " in *" --help "* | *" -h "*)
    usage
    exit 0
    ;;
  esac
  if [ $# -lt "$minimum" ] || [ $# -gt "$maximum" ]; then
    usage >&2
    exit 2
  fi
}

graph_url() {
  local graph
  graph=$(az cloud show --query endpoints.microsoftGraphResourceId --output tsv)
  echo "${graph%/}/v1.0"
}

retry() { # COMMAND...: retries, because a new directory object is not visible everywhere immediately
  local attempt
  for attempt in 1 2 3 4 5; do
    "$@" && return
    echo "Attempt $attempt of 6 failed. The next attempt follows in ${RETRY_SECONDS:-10} seconds." >&2
    sleep "${RETRY_SECONDS:-10}"
  done
  "$@"
}

upsert() { # URL BODY: updates a directory object, or creates it
  az rest --method PATCH --url "$1" --headers Content-Type=application/json Prefer=create-if-missing --body "$2" \
    --output none
}

stable_id() { # NAME: prints the same GUID for the same name, so that a second run changes nothing
  python3 -c 'import sys, uuid; print(uuid.uuid5(uuid.NAMESPACE_URL, sys.argv[1]))' "$1"
}

# Developers sign in with Azure CLI, whose client ID azd uses as well, or with VS Code.
pre_authorized() { # SCOPE_ID: prints these two applications with the scope
  echo '[
    {"appId": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "delegatedPermissionIds": ["'"$1"'"]},
    {"appId": "aebc6443-996d-45c2-90f0-388ff96faa56", "delegatedPermissionIds": ["'"$1"'"]}
  ]'
}
