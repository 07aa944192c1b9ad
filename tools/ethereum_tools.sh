#!/bin/sh
# What tests of wallets meet: anvil (a node), cast, ethers and solc, from npm by the digests of
# tools/ethereum-tools/package-lock.json, in .toolchain/ethereum and nowhere else. Quick where they are there already, and
# safe to start twice at once. Why these: docs/adr/0013-mqtt-websockets-and-test-tools.md
#
# After a change of package.json, there: npm install --package-lock-only --omit-lockfile-registry-resolved
set -eu
cd "$(dirname "$0")/.."

lock=tools/ethereum-tools
place=$PWD/.toolchain/ethereum
# The stamp names what it stands for: another lock file, and they are fetched again.
stamp=$place/ready-$(cat "$0" "$lock/package-lock.json" | sha256sum | cut -c 1-16)

[ -e "$stamp" ] && exit 0
need() { # need COMMAND WHAT-TO-DO
    command -v "$1" >/dev/null || {
        echo "ethereum tools: no $1 here; $2" >&2
        exit 1
    }
}
need npm "as root: apt-get install npm"
mkdir -p "$place"
# Two test processes may want them at once: the second waits here, and finds them ready.
exec 9>"$place/lock"
flock 9
[ -e "$stamp" ] && exit 0

echo "ethereum tools: fetching anvil, cast, ethers and solc into .toolchain/ethereum" >&2
rm -f "$place"/ready-*
cp "$lock/package.json" "$lock/package-lock.json" "$place/"
# Some of the packages would run a script after they are installed; none needs it.
npm ci --prefix "$place" --loglevel=error --no-audit --no-fund --ignore-scripts >&2
touch "$stamp"
