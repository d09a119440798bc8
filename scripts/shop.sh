#!/usr/bin/env bash
# Start Knarr on this machine, build and deploy examples/shop, and say where it is. Safe to repeat.
set -euo pipefail
cd "$(dirname "$0")/.."
knarr=.venv/bin/knarr

$knarr up "$@" | sed '/^$/,$d'
for part in database backend web; do
  $knarr image build "examples/shop/images/$part" --tag "localhost/shop-$part:1"
done
$knarr apply -f examples/shop/shop.yaml --timeout 300

address=$($knarr get nodes -o json | .venv/bin/python -c '
import json, sys
print(next(a["address"] for a in json.load(sys.stdin)["items"][0]["status"]["addresses"] if a["type"] == "InternalIP"))')
cat <<END

The shop is open: http://$address:30080

Next:
  export KUBECONFIG=$($knarr status -o json | .venv/bin/python -c 'import json, sys; print(json.load(sys.stdin)["dataDir"])')/kubeconfig
  $knarr get pods -n shop
  $knarr scale deployment/backend --replicas 5 -n shop
  $knarr logs deployment/backend -n shop
END
