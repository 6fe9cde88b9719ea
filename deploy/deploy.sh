#!/usr/bin/env bash
# Brings a new mivaa onto a host that runs it under systemd, in the order that loses nothing:
# look at it, see what runs, pause and wait, put it in place, restart, see that it is well.
#
#   deploy.sh NEW_BINARY [--wait 5m] [--to /usr/local/bin/mivaa] [--unit mivaa-pdf-extractor]
#
# Jobs that still run when the wait is over are interrupted and go on by themselves in the new
# process: the wait only spares reading a few pages twice. Where a step cannot be done or its
# answer cannot be had, nothing further is: before the restart the old process takes up work
# again, after it the old binary is put back. Needs root, systemctl and systemd-run.
set -euo pipefail

usage() { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }

wait=5m to=/usr/local/bin/mivaa unit=mivaa-pdf-extractor new=
while [ $# -gt 0 ]; do
	case $1 in
	--wait | --to | --unit)
		if [ -z "${2-}" ]; then usage; fi
		case $1 in --wait) wait=$2 ;; --to) to=$2 ;; --unit) unit=$2 ;; esac
		shift 2
		;;
	-*) usage ;;
	*)
		[ -z "$new" ] || usage
		new=$1
		shift
		;;
	esac
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

# However this ends, the process that runs then claims jobs.
staged=$to.new before=$to.before
paused=no placed=no restarted=no
put_back() {
	if [ $placed = yes ]; then mv "$before" "$to"; fi
	placed=no
}
leave() {
	if [ $placed = yes ] && [ $restarted = yes ]; then # the new one runs, and may have changed the schema
		printf 'deploy: interrupted: the new binary runs, whether it is well was not seen; the old one is %s\n' "$before" >&2
	else
		put_back
	fi
	rm -f "$staged"
	if [ $paused = yes ] && ! as_service "$to" undrain; then
		printf 'deploy: the instances still drain: %s undrain\n' "$to" >&2
	fi
}

exec 9>"/run/$unit.deploy.lock"
flock -n 9 || fail "another deploy is under way"
trap leave EXIT

say "1. The new binary"
if [ ! -f "$new" ] || [ ! -x "$new" ]; then fail "$new is not an executable file"; fi
install -m 0755 "$new" "$staged" # where the service's user can run it too
"$staged" version || fail "$new does not run on this machine"
schema=$(as_service "$staged" migrate status) || fail "the store was not looked at, or is newer than $new: nothing was changed"
printf '%s\n' "$schema"

say "2. What is running"
as_service "$to" jobs list --status processing || fail "the store cannot be read: nothing was changed"

say "3. No new jobs, and waiting $wait at most for those that run"
paused=yes
drained=0
as_service "$to" drain --reason "deploy of $("$staged" version | head -n 1)" --wait "$wait" || drained=$?
case $drained in
0) ;;
8) say "going on: what still runs is interrupted and goes on in the new process" ;;
*) fail "nobody knows what still runs (exit code $drained): nothing was changed" ;;
esac

say "4. In its place"
copy="a backup"
if [[ $schema == *behind* ]]; then # there is no other way back from a new schema
	copy=/var/lib/mivaa/before-deploy.db
	copied=0
	as_service "$to" backup --yes "$copy" || copied=$?
	case $copied in
	0) ;;
	2) copy="the dump of before" ;; # PostgreSQL: it said how to make one
	*) fail "the database was not copied (exit code $copied): nothing was changed" ;;
	esac
fi
cp -p "$to" "$before"
placed=yes
mv "$staged" "$to"

say "5. Restart"
cursor=$(journalctl -u "$unit" -n 0 --show-cursor | sed -n 's/^-- cursor: //p')
# Where it listens: the socket's address, whatever that was changed to, or its settings'.
at=
if systemctl is-active --quiet "$unit.socket"; then
	at=$(systemctl show -P Listen "$unit.socket" | sed -n '1s/^\(.*:[0-9]*\) (Stream)$/\1/p')
fi
well() { systemctl is-active --quiet "$unit" && as_service "$to" health ${at:+--addr "$at"}; }
restarted=yes
if ! systemctl restart "$unit" || ! well; then
	journalctl -u "$unit" --after-cursor="$cursor" -o cat -n 20 >&2 || true
	if ! as_service "$before" migrate status >/dev/null; then
		placed=no
		fail "the new binary is not well and has changed the schema, which $before refuses: mend it, or restore $copy"
	fi
	put_back
	systemctl reset-failed "$unit" || true
	systemctl restart "$unit" || fail "neither the new nor the old binary starts: journalctl -u $unit"
	fail "the new binary is not well, the old one runs again: journalctl -u $unit"
fi
placed=no

say "6. Recovery"
as_service "$to" undrain # the new process does not drain; those on other machines do
paused=no
journalctl -u "$unit" --after-cursor="$cursor" -o cat | grep -E 'job recovery|Marked|Job statistics' || true
say "$(systemctl is-active "$unit"): $("$to" version | head -n 1)"
