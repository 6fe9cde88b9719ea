#!/bin/bash
# lab.sh: a real systemd as PID 1 of its own namespaces, for checking how a program behaves as a unit.
#
#   lab.sh up [DIR]      boot it; DIR appears inside, read-only, as /lab
#   lab.sh in CMD...     run CMD inside (systemctl, journalctl, curl ...)
#   lab.sh unit NAME     write standard input to /etc/systemd/system/NAME and reload
#   lab.sh down          power it off and remove its cgroups
#
# Needs root and Debian's systemd package; no image, no download, no network. The root file system is a tmpfs with
# the machine's /usr read-only, but for an empty /usr/local/bin. Only the lab's own cgroups are written; /proc/sys and /sys are read-only inside.
# LAB_STATE names the folder for its state (default /tmp/systemd-lab): one lab per folder, several may run at once.
# LAB_BIND="/from:/to ..." makes further folders of the machine appear inside, writable.
# LAB_CGROUP=v2 gives pure cgroup v2 (the machine's v1 controllers are then missing: MemoryMax has no effect).
set -euo pipefail
state=${LAB_STATE:-/tmp/systemd-lab}
mode=${LAB_CGROUP:-hybrid}
controllers="cpu cpuacct memory pids"

build_root() { # runs as PID 1 of the new namespaces
  mount --make-rprivate /
  mount -t tmpfs -o mode=755,size=512m labroot "$state/root"
  cd "$state/root"
  mkdir -p usr etc/systemd/system etc/systemd/journald.conf.d etc/dbus-1 var/lib var/log var/tmp run proc sys dev tmp root lab share .old
  chmod 1777 tmp var/tmp
  for d in bin sbin lib lib64; do ln -s usr/$d $d; done
  ln -s ../run var/run
  mount --bind /usr usr && mount -o remount,bind,ro usr
  mount -t tmpfs -o mode=755 tmpfs usr/local/bin # what is installed here is the lab's own
  mount --bind "$1" lab && mount -o remount,bind,ro lab
  mount --bind "$state/share" share
  for b in ${LAB_BIND:-}; do mkdir -p ".${b#*:}" && mount --bind "${b%%:*}" ".${b#*:}"; done
  cp -r /etc/dbus-1/. etc/dbus-1/
  cp -r /etc/ld.so.* /etc/pam.d /etc/ssl etc/ 2>/dev/null || true
  printf '%s\n' root:x:0:0::/root:/bin/sh messagebus:x:100:100::/:/usr/sbin/nologin nobody:x:65534:65534::/:/usr/sbin/nologin > etc/passwd
  printf '%s\n' root:x:0: adm:x:4: tty:x:5: utmp:x:43: messagebus:x:100: systemd-journal:x:101: nogroup:x:65534: > etc/group
  printf '%s\n' 'passwd: files systemd' 'group: files systemd' > etc/nsswitch.conf
  printf '%s\n' 'PRETTY_NAME="systemd lab"' ID=lab > etc/os-release
  echo '127.0.0.1 localhost lab' > etc/hosts
  echo 0123456789abcdef0123456789abcdef > etc/machine-id
  echo lab > etc/hostname && hostname lab
  printf '%s\n' '[Journal]' Storage=volatile ReadKMsg=no Audit=no RateLimitIntervalSec=0 > etc/systemd/journald.conf.d/lab.conf
  cp /etc/login.defs etc/ 2>/dev/null || true; : > etc/shadow; : > etc/gshadow
  for u in systemd-{udevd,udev-trigger,sysctl,modules-load,timesyncd,networkd,logind,random-seed,binfmt,remount-fs,pstore,update-utmp,sysusers,machine-id-commit,tmpfiles-setup-dev,update-utmp-runlevel}.service \
    {dev-hugepages,dev-mqueue,sys-kernel-debug,sys-kernel-tracing,sys-kernel-config,sys-fs-fuse-connections,proc-sys-fs-binfmt_misc}.mount \
    proc-sys-fs-binfmt_misc.automount kmod-static-nodes.service getty.target console-getty.service; do
    ln -s /dev/null etc/systemd/system/$u
  done
  printf '%s\n' '[Unit]' Requires=basic.target After=basic.target AllowIsolate=yes > etc/systemd/system/lab.target
  ln -s lab.target etc/systemd/system/default.target
  mount -t proc proc proc
  mount --bind proc/sys proc/sys && mount -o remount,bind,ro proc/sys
  [ ! -e proc/sysrq-trigger ] || mount --bind /dev/null proc/sysrq-trigger
  mount -t sysfs -o ro sysfs sys
  mount -t tmpfs -o mode=755 tmpfs dev
  for n in null zero full random urandom tty; do : > dev/$n; mount --bind /dev/$n dev/$n; done
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts dev/pts && ln -s pts/ptmx dev/ptmx
  mount -t tmpfs -o mode=1777 tmpfs dev/shm
  ln -s /proc/self/fd dev/fd
  for n in 0:stdin 1:stdout 2:stderr; do ln -s fd/${n%:*} dev/${n#*:}; done
  : > dev/console && mount --bind "$state/console" dev/console
  mount -t tmpfs -o mode=755 tmpfs run
  if [ "$mode" = v2 ]; then
    mount -t cgroup2 cgroup2 sys/fs/cgroup
  else
    mount -t tmpfs -o mode=755 tmpfs sys/fs/cgroup
    mkdir sys/fs/cgroup/{unified,systemd}
    mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
    mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
    for c in $controllers; do mkdir sys/fs/cgroup/$c && mount -t cgroup -o $c cgroup sys/fs/cgroup/$c; done
    # Read-only, or systemd mounts the other v1 hierarchies too and writes into the machine's own root cgroups.
    mount -o remount,ro sys/fs/cgroup
  fi
  pivot_root . .old
  cd / && umount -l .old && rmdir .old
  exec env -i container=lab PATH=/usr/sbin:/usr/bin LANG=C.UTF-8 TERM=dumb \
    setpriv --bounding-set -sys_boot,-sys_time,-sys_module,-sys_rawio,-syslog,-mknod,-audit_control,-mac_admin,-mac_override \
    /lib/systemd/systemd --system --show-status=no
}

cgroup_dirs() { # "DIR ORIGINAL" for each hierarchy the lab uses
  local id ctl path base
  while IFS=: read -r id ctl path; do
    case "$ctl" in
      '') if [ -d /sys/fs/cgroup/unified ]; then base=/sys/fs/cgroup/unified; else base=/sys/fs/cgroup; fi ;;
      name=systemd) base=/sys/fs/cgroup/systemd ;;
      *) case " $controllers " in *" $ctl "*) base=/sys/fs/cgroup/$ctl ;; *) continue ;; esac ;;
    esac
    path=${path%/}
    echo "$base$path/systemd-lab.$$ $base$path"
  done < "$state/self-cgroup"
}

up() {
  [ ! -e "$state/pid" ] || { echo "lab.sh: $state is in use: run 'lab.sh down' first" >&2; exit 1; }
  mkdir -p "$state"/{root,share}
  : > "$state/console"
  cp /proc/self/cgroup "$state/self-cgroup"
  cgroup_dirs > "$state/cgroups"
  local dir=${1:-$state/share} keeper pid i
  (
    while read -r d _; do mkdir "$d"; echo $BASHPID > "$d/cgroup.procs"; done < "$state/cgroups"
    exec setsid unshare --mount --pid --fork --kill-child --cgroup --ipc --uts --net bash "$0" build_root "$(realpath "$dir")"
  ) > "$state/log" 2>&1 < /dev/null &
  keeper=$!
  for i in $(seq 100); do
    pid=$(ps -o pid= --ppid $keeper | tr -d ' ') || true
    [ -n "$pid" ] && [ "$(cat /proc/$pid/comm 2>/dev/null)" = systemd ] && break
    alive $keeper || { cat "$state/log" >&2; down; exit 1; }
    sleep .05
  done
  echo "$keeper" > "$state/keeper"; echo "$pid" > "$state/pid"
  while read -r _ orig; do echo "$keeper" > "$orig/cgroup.procs"; done < "$state/cgroups" # outside the lab's PID namespace
  for i in $(seq 200); do
    case "$(inside systemctl is-system-running 2>/dev/null)" in
      running) return ;;
      degraded) inside systemctl --failed --no-pager >&2; return ;;
    esac
    sleep .05
  done
  echo "lab.sh: systemd did not come up:" >&2; cat "$state/log" "$state/console" >&2; down; exit 1
}

alive() { grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$1/status"; } # a zombie is not

inside() { nsenter -t "$(cat "$state/pid")" -m -p -i -u -n -C -r -w env -i PATH=/usr/sbin:/usr/bin LANG=C.UTF-8 SYSTEMD_PAGER= "$@"; }

down() {
  local i keeper= d
  [ -e "$state/keeper" ] && keeper=$(cat "$state/keeper")
  if [ -n "$keeper" ] && alive "$keeper"; then
    kill -s RTMIN+4 "$(cat "$state/pid")" 2>/dev/null || true # poweroff.target
    for i in $(seq 100); do alive "$keeper" || break; sleep .1; done
    kill -KILL "$keeper" 2>/dev/null || true # --kill-child takes PID 1 and so everything in it
  fi
  [ -e "$state/cgroups" ] || return 0
  for i in $(seq 100); do # a cgroup stays busy until its last process is reaped
    while read -r d _; do
      [ ! -d "$d" ] || find "$d" -depth -type d -exec rmdir {} \; 2>/dev/null || true
    done < "$state/cgroups"
    while read -r d _; do [ ! -d "$d" ] || continue 2; done < "$state/cgroups" && break
    sleep .1
  done
  rm -f "$state"/{pid,keeper,cgroups,self-cgroup}
}

case "${1:-}" in
  up) shift; up "$@" ;;
  in) shift; inside "$@" ;;
  unit) cat > "/proc/$(cat "$state/pid")/root/etc/systemd/system/$2"; inside systemctl daemon-reload ;;
  down) down ;;
  build_root) shift; build_root "$@" ;;
  *) sed -n '2,/^set/{/^set/!s/^# \{0,1\}//p}' "$0"; exit 2 ;;
esac
