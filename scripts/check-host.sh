#!/usr/bin/env bash
# Starts the app under a Functions host, with an Azure that is local, and calls msi-func: 200 with the role, or failure.
set -euo pipefail

if [ $# -eq 0 ]; then
  echo "usage: $0 COMMAND..., the host on port 7071: $0 func start, or: $0 python -m local_azure host" >&2
  exit 2
fi
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" VIRTUAL_ENV="$PWD/.venv" # Core Tools take their Python from there
if [ ! -e local.settings.json ]; then
  cp local.settings.sample.json local.settings.json
fi

python -m local_azure run -- "$@" &
host=$!
trap 'kill "$host" 2>/dev/null; wait "$host" || true' EXIT

for _ in $(seq 60); do
  if answer=$(curl --silent --show-error --fail http://127.0.0.1:7071/api/msi-func 2>&1); then
    python -c 'import json, sys; sys.exit(json.loads(sys.argv[1])["roles"] != ["DoAll"])' "$answer"
    echo "200 with the role."
    exit
  fi
  kill -0 "$host" 2>/dev/null || { echo "The host ended." >&2; exit 1; }
  sleep 2
done
echo "No success within two minutes; the last try: $answer" >&2
exit 1
