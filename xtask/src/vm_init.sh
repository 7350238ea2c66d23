#!/bin/bash
# Runs as root inside the VM: prepares what the command line asked for, runs the command, and leaves
# its output and exit code in the folder shared with the host.
#
#   vm_init.sh FILESYSTEM|- SCHEDULER|- END [DISK-SERIAL…]
#
# The folder of this script is the shared one: `argv` (NUL-separated) is read from it; `started`,
# `stdout`, `stderr`, and then `exit` or `failed` are written to it; `beat` all the time, which shows that
# the guest runs; `stuck` a minute before END, the time at which the host kills the VM (seconds since 1970).
set -u
shared=$(dirname "$0")
filesystem=$1 scheduler=$2 end=$3
shift 3
mountpoint=/mnt/iocontend

fail() {
  printf '%s\n' "$1" >"$shared/failed"
  exit 1
}

# Who waits, and where in the kernel: what to know of a VM that is about to be killed.
where_it_stands() {
  local process command
  for process in /proc/[0-9]*; do
    command=$(tr '\0' ' ' <"$process/cmdline")
    # Kernel threads have none; those that wait for a disk or a lock are in the messages below.
    [ -n "$command" ] || continue
    printf '%s: %s\n' "${process#/proc/}" "$command"
    cat "$process"/task/*/stack
  done
  echo w >/proc/sysrq-trigger
  echo l >/proc/sysrq-trigger
  dmesg | tail -n 200
}

# The host kills a VM that takes too long; should the host's side be gone, the VM ends by itself.
(
  left=$((end - $(date +%s)))
  sleep $((left > 120 ? left - 60 : left))
  [ "$left" -le 120 ] || where_it_stands >"$shared/stuck"
  sleep 120
  echo o >/proc/sysrq-trigger
) </dev/null >/dev/null 2>&1 &

(while echo "$SECONDS" >"$shared/beat"; do sleep 20; done) </dev/null >/dev/null 2>&1 &

mountpoint -q /sys/kernel/tracing || mount -t tracefs nodev /sys/kernel/tracing \
  || fail "cannot mount tracefs at /sys/kernel/tracing"
mountpoint -q /sys/fs/cgroup || mount -t cgroup2 nodev /sys/fs/cgroup \
  || fail "cannot mount cgroup2 at /sys/fs/cgroup"
for controller in io memory cpu; do
  # One by one: a kernel without one of them still gets the others.
  echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null
done
ip link set lo up 2>/dev/null || busybox ip link set lo up 2>/dev/null

find_disk() {
  local found
  for found in /sys/block/*/device/serial /sys/block/*/serial; do
    if [ -r "$found" ] && [ "$(tr -d ' \n' <"$found")" = "$1" ]; then
      found=${found#/sys/block/}
      # The path of a disk has its serial, too, and cannot be opened.
      [ -b "/dev/${found%%/*}" ] || continue
      echo "${found%%/*}"
      return 0
    fi
  done
  return 1
}

disks=()
[ $# -eq 0 ] || modprobe -a nvme virtio_blk 2>/dev/null
for serial in "$@"; do
  for _ in $(seq 100); do
    disk=$(find_disk "$serial") && [ -b "/dev/$disk" ] && break
    sleep 0.1
  done
  [ -b "/dev/${disk:-}" ] || fail "the disk with serial $serial did not appear within 10 s"
  disks+=("$disk")

  if [ "$scheduler" != - ]; then
    # Its module has another name for kyber; a built-in scheduler needs none.
    modprobe "$scheduler" 2>/dev/null || modprobe "$scheduler-iosched" 2>/dev/null
    echo "$scheduler" >"/sys/block/$disk/queue/scheduler" \
      || fail "cannot set scheduler $scheduler; there is: $(cat "/sys/block/$disk/queue/scheduler")"
  fi
done
if [ $# -gt 0 ]; then
  # The first one is the one that the command line means.
  disk=${disks[0]}
  export IOCONTEND_VM_DISK=$disk IOCONTEND_VM_DISKS="${disks[*]}"
fi

if [ "$filesystem" != - ]; then
  modprobe "$filesystem" 2>/dev/null
  case $filesystem in
    # Without these, ext4 writes its inode tables in the background for minutes.
    ext4) mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "/dev/$disk" ;;
    xfs) mkfs.xfs -q -f "/dev/$disk" ;;
    btrfs) mkfs.btrfs -q -f "/dev/$disk" ;;
  esac >"$shared/mkfs.log" 2>&1 || fail "mkfs.$filesystem failed: $(tail -n 3 "$shared/mkfs.log")"
  # /mnt belongs to the host's read-only root.
  mountpoint -q /mnt || mount -t tmpfs nodev /mnt || fail "cannot mount a tmpfs at /mnt"
  mkdir -p "$mountpoint"
  mount -t "$filesystem" "/dev/$disk" "$mountpoint" || fail "cannot mount $filesystem"
  export IOCONTEND_VM_DIR=$mountpoint
fi

export IOCONTEND_VM=1
mapfile -d '' -t argv <"$shared/argv" || fail "cannot read the command"
: >"$shared/started"
"${argv[@]}" </dev/null >"$shared/stdout" 2>"$shared/stderr"
echo $? >"$shared/exit.part"
mv "$shared/exit.part" "$shared/exit"
