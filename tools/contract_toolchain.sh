#!/bin/sh
# A toolchain for contracts, in .toolchain/ and nowhere else: rustc and clang from Debian's packages, wasm-merge from
# npm's binaryen. Nothing is installed and nobody need be root; the packages are unpacked beside each other. Quick where
# it is there already, and safe to start twice at once. Why these: docs/adr/0011-the-toolchain-of-contracts.md
#
# With --modern it also fetches the current compiler that tests/contracts/modules/build.sh needs.
set -eu
cd "$(dirname "$0")/.."

place=$PWD/.toolchain
npm=tools/contract-toolchain
debian="rustc libstd-rust-1.63 libstd-rust-dev libstd-rust-dev-wasm32 libllvm14 lld-14 clang-14 libclang-cpp14"
debian="$debian libclang-common-14-dev"
# What they load and a small system lacks, and what a test program of this machine is linked with.
debian="$debian libedit2 libbsd0 libmd0 libffi8 libz3-4 libxml2 libicu72 libc6 libc6-dev libgcc-s1 libgcc-12-dev"
modern="rustc-web libstd-rust-web-1.96 rust-web-src libllvm22"

# The stamps name what they stand for: another list or another lock file, and it is fetched again.
version=$(cat "$0" "$npm/package-lock.json" | sha256sum | cut -c 1-16)
stamp=$place/ready-$version
modern_stamp=$place/modern/ready-$version
want_modern=no
[ "${1:-}" = --modern ] && want_modern=yes

complete() {
    [ -e "$stamp" ] && { [ "$want_modern" = no ] || [ -e "$modern_stamp" ]; }
}

# Download packages by the machine's package lists; where those are missing or out of date, by lists of our own.
download() {
    if fetch "$@" 2>/dev/null; then
        return
    fi
    mkdir -p "$place/apt/state/lists/partial" "$place/apt/cache/archives/partial"
    cat >"$place/apt/apt.conf" <<END
Dir::State "$place/apt/state";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "$place/apt/cache";
END
    (
        export APT_CONFIG="$place/apt/apt.conf"
        apt-get -o APT::Sandbox::User=root update -qq
        fetch "$@"
    )
}

fetch() {
    (cd "$place/packages" && apt-get -o APT::Sandbox::User=root download -qq "$@")
}

# unpack ROOT PACKAGE...: have the packages under ROOT.
unpack() {
    root=$1
    shift
    rm -rf "$root" "$place/packages"
    mkdir -p "$root" "$place/packages"
    download "$@"
    for package in "$place"/packages/*.deb; do
        dpkg -x "$package" "$root"
    done
    rm -rf "$place/packages"
}

complete && exit 0
need() { # need COMMAND WHAT-TO-DO
    command -v "$1" >/dev/null || {
        echo "toolchain: no $1 here; $2" >&2
        exit 1
    }
}
need apt-get "elsewhere than on Debian, build contracts with a rustc that has wasm32-unknown-unknown"
need npm "as root: apt-get install npm"
mkdir -p "$place"
# Two test processes may want it at once: the second waits here, and finds it ready.
exec 9>"$place/lock"
flock 9
complete && exit 0

if [ ! -e "$stamp" ]; then
    echo "toolchain: fetching rustc, clang and binaryen into .toolchain"
    rm -f "$place"/ready-*
    # shellcheck disable=SC2086
    unpack "$place/root" $debian
    rm -rf "$place/npm"
    mkdir -p "$place/npm"
    cp "$npm/package.json" "$npm/package-lock.json" "$place/npm/"
    npm ci --prefix "$place/npm" --loglevel=error --no-audit --no-fund --ignore-scripts
    touch "$stamp"
fi
if [ "$want_modern" = yes ] && [ ! -e "$modern_stamp" ]; then
    echo "toolchain: fetching a current rustc into .toolchain/modern"
    # shellcheck disable=SC2086
    unpack "$place/modern" $modern
    touch "$modern_stamp"
fi
