# What scripts/up and scripts/test share before there is a Python: being root, and the distribution's packages.
# Sourced, with $root set to the checkout.

become_root() {
    [ "$(id -u)" = 0 ] && return
    command -v sudo > /dev/null || { echo "Run this as root: it creates users and starts virtual machines." >&2; exit 1; }
    keep=$(env | sed -n 's/^\(VMCONSOLE_[A-Z_]*\|[a-z]*_proxy\|[A-Z]*_PROXY\|PIP_[A-Z_]*\|UV_[A-Z_]*\|CI\)=.*/\1/p' | paste -sd, -)
    exec sudo ${keep:+--preserve-env="$keep"} "$@"
}

# The lines of the list that count: "name" or "? name", and with "test" those for testing too.
listed_packages() {
    sed 's/#.*//' "$root/scripts/lib/packages" | while read -r first second; do
        case $first in
            "") ;;
            test) if [ "${1:-}" = test ]; then echo "$second"; fi ;;
            "?test") if [ "${1:-}" = test ]; then echo "? $second"; fi ;;
            *) echo "$first $second" ;;
        esac
    done
}

# The names to install here.
wanted_packages() {
    listed_packages "${1:-}" | while read -r first second; do
        if [ "$first" != "?" ]; then
            echo "$first"
        elif [ -n "$(apt-cache show "$second" 2> /dev/null)" ]; then # nothing but success for a merely provided name:
            echo "$second"                                           # Ubuntu's "chromium" would bring snapd along
        fi
    done
}

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null)" = installed ]; }

missing_packages() {
    listed_packages "${1:-}" | sed 's/^? //' | while read -r name; do
        installed $name || echo "$name"
    done
}

install_packages() {
    command -v apt-get > /dev/null || { echo "This needs Debian 12 or 13, or Ubuntu 24.04 (apt-get is not here)." >&2; exit 1; }
    # Optional ones may be unknown here; ask apt only when something is missing at all.
    stamp="$root/.cache/packages${1:+-$1}"
    [ -z "$(missing_packages "${1:-}")" ] && return
    if [ -e "$stamp" ] && [ "$stamp" -nt "$root/scripts/lib/packages" ] && all_installed "$stamp"; then return; fi
    echo "Looking for the distribution's packages ..."
    apt-get -o DPkg::Lock::Timeout=500 -qq update || echo "apt-get update had troubles; trying with what is known." >&2
    names=$(wanted_packages "${1:-}")
    new=$(for name in $names; do installed "$name" || echo "$name"; done)
    if [ -n "$new" ]; then
        echo "Installing packages:" $new
        mkdir -p "$root/.cache"
        keep_services_quiet
        DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=500 -o Dpkg::Use-Pty=0 -qq -y \
            --no-install-recommends install $new > "$root/.cache/packages.log" 2>&1 ||
            { restore_services; cat "$root/.cache/packages.log" >&2; exit 1; }
        restore_services
        for name in $new; do disable_services "$name"; done
    fi
    mkdir -p "$root/.cache"
    echo "$names" > "$stamp"
}

all_installed() {
    for name in $(cat "$1"); do installed "$name" || return 1; done
}

# We need the programs, not the services that their packages start: ours are private children.
keep_services_quiet() {
    policy=/usr/sbin/policy-rc.d
    if [ -e "$policy" ]; then policy=; return; fi
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
}

restore_services() { [ -z "$policy" ] || rm -f "$policy"; }

# Only of packages that were not there before: a service that somebody runs is not ours to stop.
disable_services() {
    [ -d /run/systemd/system ] || return 0
    case $1 in
        redis-server | prometheus | postgresql | nginx) units=$1.service ;;
        libvirt-daemon)
            units="libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirt-guests.service"
            units="$units virtlogd.service virtlogd.socket virtlogd-admin.socket virtlockd.service virtlockd.socket"
            ;;
        *) return 0 ;;
    esac
    for unit in $units; do systemctl disable --now "$unit" > /dev/null 2>&1 || true; done
}
