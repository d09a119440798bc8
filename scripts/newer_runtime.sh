#!/usr/bin/env bash
# Lay containerd and runc of another Debian release into a directory, to put first on PATH:
#
#   scripts/newer_runtime.sh DIR [RELEASE]      RELEASE: sid where none is named; trixie and later have what we need
#
# apt fetches them and checks their signatures, in a state of its own: this machine's packages stay as they are. runc
# there wants a newer C library than this machine's, so it gets that one beside it and is told where it lies.
set -euo pipefail
folder=$(mkdir -p "${1:?expected a directory to lay the runtime into}" && cd "$1" && pwd)
release=${2:-sid}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v patchelf > /dev/null || { apt-get update -qq; apt-get install -y -qq patchelf > /dev/null; }
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/packages"
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $release main" \
  > "$work/sources.list"
from_there=(-qq -o "Dir::State=$work/state" -o "Dir::State::status=/dev/null" -o "Dir::Cache=$work/cache"
  -o "Dir::Etc::SourceList=$work/sources.list" -o "Dir::Etc::SourceParts=/dev/null" -o "APT::Sandbox::User=root")
apt-get "${from_there[@]}" update
(cd "$work/packages" && apt-get "${from_there[@]}" download containerd runc libc6 libseccomp2)
for package in "$work"/packages/*.deb; do dpkg -x "$package" "$work/files"; done

rm -rf "$folder/lib"
cp -a "$work/files/usr/lib/$(uname -m)-linux-gnu" "$folder/lib"
cp "$work"/files/usr/bin/{containerd,containerd-shim-runc-v2,ctr} "$work/files/usr/sbin/runc" "$folder"
patchelf --set-interpreter "$(echo "$folder"/lib/ld-linux-*.so.*)" --set-rpath "$folder/lib" "$folder/runc"
"$folder/containerd" --version
"$folder/runc" --version | head -1
