#!/usr/bin/env bash
# Start Knarr on this machine, build and deploy examples/shop, and say where it is. Safe to repeat.
#   shop.sh [--data-dir DIR] [--port N]      SHOP_PORT=30080: where the shop listens on this node
set -euo pipefail
cd "$(dirname "$0")/.."
knarr=.venv/bin/knarr
port=${SHOP_PORT:-30080}
[ -x $knarr ] || knarr=knarr

here=()
for ((i = 1; i < $#; i++)); do
  [ "${!i}" = --data-dir ] && { next=$((i + 1)); here=(--data-dir "${!next}"); }
done

$knarr up "$@" | sed '/^$/,$d'
for part in database backend web; do
  $knarr image build "examples/shop/images/$part" --tag "localhost/shop-$part:1" "${here[@]}"
done
sed "s/nodePort: 30080/nodePort: $port/" examples/shop/shop.yaml | $knarr apply -f - --timeout 300 "${here[@]}"

python=.venv/bin/python
[ -x $python ] || python=python3
address=$($knarr get nodes -o json "${here[@]}" | $python -c '
import json, sys
print(next(a["address"] for a in json.load(sys.stdin)["items"][0]["status"]["addresses"] if a["type"] == "InternalIP"))')
suffix=${here[*]:+ ${here[*]}}
cat <<END

The shop is open: http://$address:$port

Next:
  $knarr get pods -n shop$suffix
  $knarr scale deployment/backend --replicas 5 -n shop$suffix
  $knarr logs deployment/backend -n shop$suffix
END
