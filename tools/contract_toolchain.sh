#!/bin/sh
# A toolchain for contracts, in .toolchain/ and nowhere else: rustc and clang from Debian's packages, wasm-merge from
# npm's binaryen. Nothing is installed; the packages are unpacked beside each other. Quick where it is there already.
set -eu
cd "$(dirname "$0")/.."

release=1
debian="rustc libstd-rust-1.63 libstd-rust-dev libstd-rust-dev-wasm32 libllvm14 lld-14 clang-14 libclang-cpp14 libclang-common-14-dev"
place=.toolchain
stamp=$place/ready-$release

[ -e "$stamp" ] && exit 0

echo "toolchain: fetching rustc, clang and binaryen into $place"
mkdir -p "$place/packages" "$place/root" "$place/npm"
command -v apt-get >/dev/null || {
    echo "toolchain: this needs apt-get; elsewhere, build contracts with a rustc that has wasm32-unknown-unknown" >&2
    exit 1
}
[ -n "$(ls /var/lib/apt/lists 2>/dev/null | grep -m1 Packages)" ] || apt-get update -qq
(
    cd "$place/packages"
    # shellcheck disable=SC2086
    apt-get -o APT::Sandbox::User=root download -qq $debian
)
for package in "$place"/packages/*.deb; do
    dpkg -x "$package" "$place/root"
done
cp tools/contract-toolchain/package.json tools/contract-toolchain/package-lock.json "$place/npm/"
npm ci --prefix "$place/npm" --silent --no-audit --no-fund --ignore-scripts
rm -rf "$place/packages"
touch "$stamp"
