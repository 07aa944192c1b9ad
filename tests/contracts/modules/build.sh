#!/bin/sh
# Make the modules of the current rustc again, into DIR (default: beside this file). Debian has no compiled `core` for
# this compiler and this target, so core, compiler_builtins and alloc come first, from the sources that belong to it,
# as their build script would configure them. The bytes do not depend on where anything lies.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
house=$(cd "$here/../../.." && pwd)
into=$(cd "${1:-$here}" && pwd)

sh "$house/tools/contract_toolchain.sh" --modern
root=$house/.toolchain/root/usr
modern=$house/.toolchain/modern/usr
library=$(cd -P "$modern/lib/rustlib/src/rust/library" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compile() { # compile FLAG...: by sources in the working directory, which the module then calls "."
    LD_LIBRARY_PATH="$modern/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu" RUSTC_BOOTSTRAP=1 "$modern/bin/rustc" \
        --target "$target" -C opt-level=s -C panic=abort -C codegen-units=1 -C embed-bitcode=yes --cap-lints allow \
        --remap-path-prefix="$PWD=." --out-dir "$work/$target" -L "$work/$target" "$@"
}

for target in wasm32-unknown-unknown wasm32v1-none; do
    mkdir "$work/$target"
    cd "$library"
    # The prelude of these crates comes from nowhere else; what they mark unstable is theirs to use.
    own="--edition 2024 --crate-type rlib -Z force-unstable-if-unmarked"
    # shellcheck disable=SC2086
    compile $own --crate-name core core/src/lib.rs
    # shellcheck disable=SC2086
    CFG_CARGO_FEATURES='[]' CFG_OPT_LEVEL=s CFG_TARGET_FEATURES='[]' \
        compile $own --crate-name compiler_builtins --cfg 'feature="compiler-builtins"' --cfg 'feature="mem"' \
        --cfg 'feature="unstable-intrinsics"' --cfg intrinsics_enabled --cfg arch_enabled --cfg optimizations_enabled \
        compiler-builtins/compiler-builtins/src/lib.rs
    # shellcheck disable=SC2086
    compile $own --crate-name alloc alloc/src/lib.rs
    cd "$house"
    compile --edition 2021 --crate-type rlib --crate-name adyton_contract contracts/sdk/src/lib.rs
    compile --edition 2021 --crate-type cdylib --crate-name modern -C lto -C strip=symbols \
        -C linker="$root/bin/wasm-ld-14" -C linker-flavor=wasm-ld -C link-arg=-zstack-size=65536 \
        --extern adyton_contract tests/contracts/modules/modern.rs
done
cp "$work/wasm32-unknown-unknown/modern.wasm" "$into/rust196.wasm"
cp "$work/wasm32v1-none/modern.wasm" "$into/rust196_v1.wasm"
