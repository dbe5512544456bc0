#!/usr/bin/env bash
# setup.sh [COMMAND...]: checks for Rust, and installs what else the build needs where it is missing (Debian and Ubuntu, through
# apt-get); also each further COMMAND, which has to be the name of its package too.
set -euo pipefail

if ! command -v cargo >/dev/null; then
    echo "error: cargo was not found; install Rust 1.90 or later: https://rustup.rs" >&2
    exit 2
fi

missing=()

# need PACKAGE COMMAND...: PACKAGE has to be installed where COMMAND fails.
need() {
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

# zstd's C sources are compiled by the zstd crate.
need build-essential type -P cc
# The pcap crate links against libpcap.
need libpcap-dev test -e /usr/include/pcap/pcap.h

for command in "$@"; do
    need "$command" type -P "$command"
done

if ((${#missing[@]} > 0)); then
    if ! command -v apt-get >/dev/null; then
        echo "error: please install what your system calls: ${missing[*]}" >&2
        exit 2
    fi
    sudo=()
    ((EUID == 0)) || sudo=(sudo)
    echo "installing ${missing[*]}"
    "${sudo[@]}" apt-get update -qq
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# A minimal toolchain lacks these two.
for component in fmt clippy; do
    if ! cargo "$component" --version >/dev/null 2>&1; then
        if ! command -v rustup >/dev/null; then
            echo "error: cargo $component was not found; install rustfmt and clippy for your Rust" >&2
            exit 2
        fi
        rustup component add rustfmt clippy
        break
    fi
done
