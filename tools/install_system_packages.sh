#!/bin/sh
# Makes sure that the system has what the build and the tests need, on Debian and its relatives. Each need is checked by
# what it provides, not by a package's name; apt-get runs only if something is missing, as root or through sudo.
set -eu

missing=""
need() { # need PACKAGE COMMAND...: the package is missing if the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}
header() { printf '#include <%s>\n' "$1" | cc -fsyntax-only -x c -; }
python_headers() { test -f "$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h"; }

need gcc command -v cc
need g++ command -v c++
need libc6-dev header stdlib.h
need pkg-config command -v pkg-config
need python3 command -v python3
need python3-venv python3 -c 'import ensurepip, venv'
need python3-dev python_headers
need libcmocka-dev pkg-config --exists cmocka
need libmpfr-dev pkg-config --exists mpfr gmp
need valgrind command -v valgrind
need clang-19 command -v clang-19
need llvm-19-dev command -v llvm-config-19

if [ -n "$missing" ]; then
    echo "installing:$missing"
    root=""
    [ "$(id -u)" = 0 ] || root=sudo
    $root apt-get update -q
    # shellcheck disable=SC2086
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
fi
