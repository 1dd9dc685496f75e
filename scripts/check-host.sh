#!/usr/bin/env bash
# Starts the app in a Functions host with a local tenant, and checks that msi-func returns 200 and the app role.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/lib/common.sh
. scripts/lib/common.sh

usage() {
  cat <<'END'
usage: scripts/check-host.sh COMMAND...
  COMMAND  command that starts the host on port 7071, such as python -m local_azure host, or func start
END
}
check_arguments 1 99 "$@"
export PATH="$PWD/.venv/bin:$PATH" VIRTUAL_ENV="$PWD/.venv" # Core Tools use the Python in this environment.
if [ ! -e local.settings.json ]; then
  cp local.settings.sample.json local.settings.json
fi

python -m local_azure run -- "$@" &
host=$!
trap 'kill "$host" 2>/dev/null; wait "$host" || true' EXIT

for _ in $(seq 60); do
  if output=$(curl --silent --show-error --fail --max-time 30 http://127.0.0.1:7071/api/msi-func 2>&1); then
    python -c 'import json, sys; sys.exit(json.loads(sys.argv[1])["roles"] != ["DoAll"])' "$output"
    echo "msi-func returned 200 and the app role."
    exit
  fi
  kill -0 "$host" 2>/dev/null || { echo "The host exited." >&2; exit 1; }
  sleep 2
done
echo "msi-func did not return 200 within two minutes. The last attempt: $output" >&2
exit 1
