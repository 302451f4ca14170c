#!/usr/bin/env bash
# Installs what the proofs need on a Debian machine: Coq, and the libraries Coquelicot and Interval.
#
#   proofs/install.sh                 install what is missing, with sudo when not root
#   proofs/install.sh --if-possible   the same without ever asking or failing: only as root or with sudo that asks for
#                                     no password; otherwise say what to do
#
# Exit code 0: everything is there; 3: it is not, and cannot be installed from here (0 with --if-possible).
set -euo pipefail

packages="coq libcoq-coquelicot libcoq-interval"
polite=false
[ "${1:-}" = "--if-possible" ] && polite=true

installed() {
    command -v coqc >/dev/null && command -v coqtop >/dev/null || return 1
    # all of the output is read first: a reader that stops at the first error would break the pipe, and hide it
    said=$(printf 'From Coquelicot Require Coquelicot.\nFrom Interval Require Tactic.\n' | coqtop -q -quiet 2>&1) || return 1
    case "$said" in *Error*) return 1 ;; esac
}

how() {
    echo "The proofs need Coq 8.16 or newer with Coquelicot and Interval. Install them with one of"
    echo "    apt-get install $packages                   (Debian 12, Ubuntu 23.04 and newer)"
    echo "    opam repo add coq-released https://coq.inria.fr/opam/released"
    echo "    opam install coq coq-coquelicot coq-interval"
    if $polite; then exit 0; else exit 3; fi
}

installed && exit 0
command -v apt-get >/dev/null || how
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || { ! $polite && sudo -v; }; }; then
    as_root="sudo"
else
    how
fi
export DEBIAN_FRONTEND=noninteractive
echo "Installing $packages"
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $packages >/dev/null 2>&1 ||
    { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $packages; } >/dev/null 2>&1 || how
installed || how
