#!/bin/sh
# Make .venv from the hashed requirements, only when it is missing or they changed.
# Everything that can go wrong on a newcomer's machine ends in one line that says what to do.
#
#     tools/bootstrap.sh [--for-tests]    with --for-tests also what tests use beside Python
set -eu
cd "$(dirname "$0")/.."

VENV=${VENV:-.venv}
STAMPS=$VENV/.adyton

die() {
    echo "set-up: $*" >&2
    exit 1
}

say() {
    echo "set-up: $*"
}

# --- system packages ----------------------------------------------------------

APT_FRESH=

install_packages() { # install_packages WHY PACKAGE...: as root on Debian, else one line and out
    why=$1
    shift
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        die "$why; as root: apt-get install $* (or what your system calls it)"
    fi
    say "$why; installing $*"
    if [ -z "$APT_FRESH" ]; then
        apt-get update -qq || die "apt-get update does not work, and $why"
        APT_FRESH=yes
    fi
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        die "apt-get install $* does not work, and $why"
}

# --- the interpreter ----------------------------------------------------------

resolve_python() { # the first Python >= 3.11, by its real path: what is on PATH may be a shim
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import os, sys
if sys.version_info < (3, 11):
    sys.exit(1)
print(os.path.realpath(sys.executable))' 2>/dev/null && return 0
    done
    return 1
}

find_python() {
    python=$(resolve_python) && return 0
    if [ -n "${PYTHON:-}" ]; then
        die "PYTHON=$PYTHON is not a Python 3.11 or newer"
    fi
    if command -v python3 >/dev/null 2>&1; then
        die "Python 3.11 or newer is needed, found $(python3 -V 2>&1); set PYTHON to a newer one"
    fi
    install_packages "no python3 here" python3 python3-venv
    python=$(resolve_python) || die "Python 3.11 or newer is needed; this system's is older"
}

need_venv() { # Debian keeps venv's other half, ensurepip, in a package of its own
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 && return 0
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    install_packages "python$version has no venv" "python$version-venv"
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1 ||
        die "$python still has no venv after installing python$version-venv"
}

# --- what tests need beside Python --------------------------------------------

need_commands() { # requirements/debian.txt: COMMAND PACKAGE; absent ones are only reported to a user
    missing=
    while read -r needed package; do
        case $needed in '' | '#'*) continue ;; esac
        # Servers lie where only root's PATH leads.
        (PATH=$PATH:/usr/sbin:/usr/local/sbin && command -v "$needed" >/dev/null 2>&1) ||
            missing="$missing $package"
    done <requirements/debian.txt
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        # shellcheck disable=SC2086  # a list of package names
        install_packages "tests need more" $missing
    else
        say "some tests will be skipped; as root: apt-get install$missing"
    fi
}

# --- the environment ----------------------------------------------------------

digest() {
    cat "$@" | sha256sum | cut -d' ' -f1
}

is_stamped() { # is_stamped NAME DIGEST
    [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]
}

stamp() { # by rename: an interrupted set-up leaves no stamp and starts again
    mkdir -p "$STAMPS"
    echo "$2" >"$STAMPS/$1.new"
    mv "$STAMPS/$1.new" "$STAMPS/$1"
}

if [ "${1:-}" = --for-tests ]; then
    need_commands
fi

here=$(pwd -P) # an environment names its own directory: a moved tree makes a new one
recipe="requirements/build.txt requirements/dev.txt requirements/debian.txt tools/bootstrap.sh"
# shellcheck disable=SC2086  # a list of file names
wanted="$(digest $recipe) $here"
if ! is_stamped requirements "$wanted" || ! "$VENV/bin/python" -c '' 2>/dev/null; then
    find_python
    need_venv
    say "making $VENV with $python"
    "$python" -m venv --clear "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        -r requirements/build.txt -r requirements/dev.txt ||
        die "pip cannot install the requirements; is the package index within reach?"
    stamp requirements "$wanted"
fi

package="$(digest pyproject.toml) $here"
if ! is_stamped package "$package"; then
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation --no-index -e . ||
        die "pip cannot install the package itself"
    stamp package "$package"
fi

# --- environments in which the package is not ---------------------------------

apart() { # apart NAME: $VENV/NAME with requirements/NAME.txt
    [ -e "requirements/$1.txt" ] || return 0
    wanted="$(digest "requirements/$1.txt") $here"
    if is_stamped "$1" "$wanted" && "$VENV/$1/bin/python" -c '' 2>/dev/null; then
        return 0
    fi
    find_python
    need_venv
    say "making $VENV/$1"
    "$python" -m venv --clear "$VENV/$1"
    "$VENV/$1/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes -r "requirements/$1.txt" ||
        die "pip cannot install requirements/$1.txt"
    stamp "$1" "$wanted"
}

if [ "${1:-}" = --for-tests ]; then
    apart oracle # knows the specification alone
    apart sdjwt  # an issuer and a holder who know the specification alone
    apart web3   # others' signers and clients, which know Ethereum alone
fi
