#!/bin/sh
# Bring the programs that the tests talk to: Chromium, PostgreSQL, Postfix's smtp-sink, OpenDKIM.
# As root from the system's packages; else Chromium from Playwright, and for the rest the command to run is named.
set -eu
venv=$1
# Debian keeps servers out of a user's PATH.
PATH="$PATH:/usr/sbin:/sbin"

has_postgresql() { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
has_chromium() {
    command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null ||
        ls "${HOME:-}"/.cache/ms-playwright/chromium-* >/dev/null 2>&1
}

missing=""
has_postgresql || missing="$missing postgresql"
command -v smtp-sink >/dev/null || missing="$missing postfix"
command -v opendkim >/dev/null || missing="$missing opendkim"
has_chromium && [ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    if ! has_chromium; then
        # Debian has both; Ubuntu's "chromium" is a snap, which needs a running system.
        for package in chromium-headless-shell chromium; do
            if apt-cache show "$package" >/dev/null 2>&1; then
                missing="$missing $package"
                break
            fi
        done
    fi
    echo "bringing$missing from the system's packages"
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    has_chromium || "$venv/bin/playwright" install --with-deps chromium
    exit 0
fi

has_chromium || "$venv/bin/playwright" install chromium || missing="$missing chromium"
if [ -n "$missing" ]; then
    echo "error: the tests need$missing; as root: apt-get install$missing" >&2
    exit 3
fi
