#!/bin/sh
# Compile requirements/*.txt: every wheel by hash, no address and no path inside.
# uv only resolves; pip installs. Run by `make lock`; arguments go to uv (for instance --upgrade).
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}

compile() { # compile OUTPUT SOURCE...
    output=requirements/$1.txt
    shift
    "$uv" pip compile "$@" --universal --python-version 3.11 --generate-hashes --no-header \
        --quiet --output-file "$output" >/dev/null
}

# dev holds everything; the others are cut from it, so one version of a library is in use everywhere.
compile dev pyproject.toml --extra dev --extra zk "$@"
compile build requirements/build.in --constraints requirements/dev.txt
compile host pyproject.toml --constraints requirements/dev.txt
compile zk pyproject.toml --extra zk --constraints requirements/dev.txt
compile enclave requirements/enclave.in --constraints requirements/dev.txt
compile oracle requirements/oracle.in --constraints requirements/dev.txt
compile web3 requirements/web3.in --constraints requirements/dev.txt
compile sdjwt requirements/sdjwt.in --constraints requirements/dev.txt

if grep -nE '://|^(-i|-f|--index|--extra-index|--find-links|--trusted)|@ file|(^|[[:space:]])/' requirements/*.txt; then
    echo "lock: an address or a path is in requirements/" >&2
    exit 1
fi
