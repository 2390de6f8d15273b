#!/bin/sh
# Bring the programs that the tests talk to: Chromium, PostgreSQL, Postfix's smtp-sink, OpenDKIM.
# As root from Debian's packages; else Chromium from Playwright, and for the rest the command to run is named.
set -eu
venv=$1
# Debian keeps servers out of a user's PATH.
PATH="$PATH:/usr/sbin:/sbin"

has_postgresql() { command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; }
has_chromium() { command -v chromium >/dev/null || ls "${HOME:-}"/.cache/ms-playwright/chromium-* >/dev/null 2>&1; }

missing=""
has_chromium || missing="$missing chromium"
has_postgresql || missing="$missing postgresql"
command -v smtp-sink >/dev/null || missing="$missing postfix"
command -v opendkim >/dev/null || missing="$missing opendkim"
[ -z "$missing" ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "bringing$missing from the system's packages"
    apt-get update -qq
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi

for tool in $missing; do
    case $tool in
    chromium) "$venv/bin/playwright" install chromium || wanted="${wanted:-} chromium" ;;
    *) wanted="${wanted:-} $tool" ;;
    esac
done
if [ -n "${wanted:-}" ]; then
    echo "error: the tests need$wanted; as root: apt-get install$wanted" >&2
    exit 3
fi
