#!/usr/bin/env bash
# Brings a new mivaa onto a host that runs it under systemd, in the order that loses nothing:
# look at it, pause, wait for the jobs or not, put it in place, restart, see that it is back.
#
#   deploy.sh NEW_BINARY [--wait 5m] [--to /usr/local/bin/mivaa] [--unit mivaa-pdf-extractor]
#
# Jobs that still run when the wait is over are interrupted and go on by themselves in the new
# process: the wait only spares reading a few pages twice. Where the new process does not
# become ready the old binary is put back and started. Needs root, systemctl and curl.
set -euo pipefail

usage() { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }

wait=5m to=/usr/local/bin/mivaa unit=mivaa-pdf-extractor new=
while [ $# -gt 0 ]; do
	case $1 in
	--wait) wait=${2-} ;;
	--to) to=${2-} ;;
	--unit) unit=${2-} ;;
	-*) usage ;;
	*) [ -z "$new" ] || usage; new=$1; shift; continue ;;
	esac
	[ $# -ge 2 ] && [ -n "$2" ] || usage
	shift 2
done
[ -n "$new" ] || usage

say() { printf '== %s\n' "$*"; }
fail() { printf 'deploy: %s\n' "$*" >&2; exit 1; }

# What systemd gives the service: its settings, and the secrets behind them, so that the
# commands below talk to the same store.
as_service() {
	systemd-run --quiet --pipe --wait --collect \
		--property=User="$(systemctl show -P User "$unit")" \
		--property=LoadCredential=mivaa:/etc/mivaa/credentials \
		--property=EnvironmentFile=-/etc/mivaa/mivaa.env \
		--setenv=MIVAA_DATA_DIR=/var/lib/mivaa -- "$@"
}

say "1. The new binary"
[ -x "$new" ] || fail "$new is not an executable file"
"$new" version || fail "$new does not run on this machine"
as_service "$(realpath "$new")" migrate status || fail "the store was not looked at, or is newer than $new: nothing was changed"

say "2. What is running"
as_service "$to" jobs list --status processing || fail "the store cannot be read: nothing was changed"

say "3. No new jobs, and waiting $wait at most for those that run"
paused=yes
resume() { [ -z "$paused" ] || as_service "$to" undrain || true; }
trap resume EXIT
as_service "$to" drain --reason "deploy of $("$new" version | head -n 1)" --wait "$wait" || say "going on: what still runs is interrupted and goes on in the new process"

say "4. In its place"
old=$to.before
cp -p "$to" "$old"
install -m 0755 "$new" "$to.new"
mv "$to.new" "$to"

say "5. Restart"
cursor=$(journalctl -u "$unit" -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
if ! systemctl restart "$unit" || ! systemctl is-active --quiet "$unit"; then
	mv "$old" "$to"
	systemctl reset-failed "$unit" || true
	systemctl restart "$unit" || fail "neither the new nor the old binary starts: journalctl -u $unit"
	fail "the new binary did not become ready, the old one runs again: journalctl -u $unit"
fi

say "6. Recovery"
paused= # the new process is not draining; those on other machines go on as well
as_service "$to" undrain
journalctl -u "$unit" --after-cursor="$cursor" -o cat | grep -E 'job recovery|Marked|Job statistics' || true
say "$(systemctl is-active "$unit"): $("$to" version | head -n 1)"
