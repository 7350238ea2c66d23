#!/bin/bash
# Makes the captures of the yardstick, inside a VM or, those that need no controller and no slow disk, as root on this host
# (profiler/docs/yardstick.md has the command lines).
#
#   make.sh OUT PROGRAMS [NAME…]
#
# PROGRAMS is a folder with iocontend, load and audit. A capture that is in OUT already is not made again, so a run that was ended
# goes on. Everybody is in a cgroup of its own, loads are small: captures have some thousand requests.
# A case: victims start, `look` attaches the recorder, what follows is contention, `finish` ends all of them.
set -u
out=$(realpath "$1") programs=$(realpath "$2")
shift 2

# Names of this host and its folders have no place in captures: programs run from /opt, this script too. Mounts and the name are
# of a namespace of its own.
if [ "${0#/opt/}" = "$0" ]; then
  [ -n "${IOCONTEND_VM:-}" ] || [ -n "${YARDSTICK_ALONE:-}" ] \
    || YARDSTICK_ALONE=1 exec unshare --mount --uts "$0" "$out" "$programs" "$@"
  hostname node-1
  mount -t tmpfs nodev /opt
  cp "$programs"/{iocontend,load,audit} /opt/
  cp "$0" /opt/make.sh
  cp /opt/audit /opt/kube-apiserver
  cp /bin/bash /opt/cron
  cd / || exit 1
  exec bash /opt/make.sh "$out" /opt "$@"
fi

watch=8 interval=2
parts=()
mountpoint -q /mnt || mount -t tmpfs nodev /mnt
if [ -n "${IOCONTEND_VM:-}" ]; then
  cgroups=/sys/fs/cgroup below=
  read -ra disks <<<"$IOCONTEND_VM_DISKS"
else
  # Files on the host's disk, which is slow enough, stand for partitions; one in memory for another disk.
  below=/iocontend-yardstick
  cgroups=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)$below
  for number in 1 2 3 4; do
    slow=$(mktemp /var/tmp/iocontend-yardstick-XXXXXX)
    truncate -s 500M "$slow"
    parts+=("$(losetup --direct-io=on --find --show "$slow")")
    rm "$slow"
  done
  truncate -s 256M /mnt/fast
  disks=("${parts[0]}" "$(losetup --find --show /mnt/fast)")
  trap 'for pid in "${pids[@]}"; do pkill -KILL -P "$pid"; kill -KILL "$pid"; done
    umount -l /mnt/etcd /mnt/other /mnt/second; losetup -d "${parts[@]}" "/dev/${disks[1]}"
    sleep 1; find "$cgroups" -depth -type d -exec rmdir {} +' EXIT
fi
disks=("${disks[@]#/dev/}")
disk=${disks[0]} second=${disks[1]}

part() { # NUMBER
  if [ ${#parts[@]} -gt 0 ]; then
    echo "${parts[$1 - 1]}"
  elif [ -b "/dev/${disk}p$1" ]; then
    echo "/dev/${disk}p$1"
  else
    echo "/dev/$disk$1"
  fi
}
pids=() who=()

lazy=lazy_itable_init=0,lazy_journal_init=0

# Four partitions: etcd's, another file system of the same disk, one for xfs and btrfs, one for device-mapper.
prepare() {
  if [ ${#parts[@]} -eq 0 ]; then
    sfdisk -q "/dev/$disk" <<<$',400M\n,400M\n,500M\n,300M\n' && udevadm settle 2>/dev/null
    sleep 1
  fi
  mkdir -p /mnt/{etcd,other,third,second,upper}
  modprobe -a xfs btrfs loop dm-mod bfq 2>/dev/null
  mkfs.ext4 -q -F -E $lazy "$(part 1)" && mount "$(part 1)" /mnt/etcd
  mkfs.ext4 -q -F -E $lazy "$(part 2)" && mount "$(part 2)" /mnt/other
  mkfs.ext4 -q -F -E $lazy "/dev/$second" && mount "/dev/$second" /mnt/second
}

# In the background, in a cgroup of its own, ended by `finish`.
start() { # CGROUP COMMAND…
  local group=$cgroups/$1
  shift
  mkdir -p "$group"
  (
    cd /
    echo "$BASHPID" >"$group/cgroup.procs"
    exec "$@"
  ) </dev/null >>/tmp/actors.log 2>&1 &
  pids+=($!)
}

# Over and over, as a job of cron would: each run is a new process.
cron() { # CGROUP TIMES PAUSE COMMAND
  start "$1" /opt/cron -c "for run in \$(seq $2); do $4; sleep $3; done; sleep 100"
}

# Everything written, so that the next case begins with an idle disk.
settle() { sync; sleep 1; }

look() { # WATCH-OPTION…
  start iocontend /opt/iocontend watch --duration ${watch}s --interval ${interval}s -o jsonl \
    --record "$out/$name.part" "${who[@]}" "$@"
  recorder=$!
  for _ in $(seq 600); do
    grep -q watching /tmp/actors.log && return
    kill -0 $recorder 2>/dev/null || return
    sleep 0.1
  done
}

finish() {
  wait $recorder
  local code=$?
  for pid in "${pids[@]}"; do
    # Jobs of cron have children.
    pkill -KILL -P "$pid"
    kill -KILL "$pid" 2>/dev/null
  done
  wait
  pids=() who=()
  echo "$name: exit code $code, $(stat -c %s "$out/$name.part") bytes, at $SECONDS s"
  if [ $code -ne "${1:-0}" ]; then
    tail -n 30 /tmp/actors.log
    return
  fi
  mv "$out/$name.part" "$out/$name.iocap"
}

etcd() { # FOLDER [OPTION…]
  local folder=$1 client=http://127.0.0.1:2379 peer=http://127.0.0.1:2380
  shift
  rm -rf "$folder"
  start etcd /usr/bin/etcd --data-dir="$folder" --listen-client-urls $client --advertise-client-urls $client \
    --listen-peer-urls $peer --initial-advertise-peer-urls $peer --initial-cluster default=$peer "$@"
  for _ in $(seq 100); do
    curl -s -m 2 --noproxy '*' $client/version >/dev/null && break
    sleep 0.2
  done
  start load /opt/load --endpoint $client --rate 20 --connections 8 --window-ms 100000
  sleep 2
}

# Writes a log as etcd does, and costs less. Only its open files say that it looks like etcd, which is not enough at once.
victim() { # FOLDER [CGROUP]
  rm -rf "$1"
  who=(--pid-of demo-victim)
  start "${2:-victim}" /opt/iocontend demo-victim --data-dir "$1" --rate "${rate:-20}" --duration 100
  for _ in $(seq 100); do compgen -G "$1/member/wal/*.wal" >/dev/null && break; sleep 0.2; done
  sleep 1
}

file() { # PATH MIB
  [ -e "$1" ] || dd if=/dev/urandom of="$1" bs=1M count="$2" conv=fsync status=none
}

fio() { # CGROUP OPTION…
  local group=$1
  shift
  start "$group" /usr/bin/fio --name=job --time_based --runtime=100 --group_reporting "$@"
}

dd_again() { # CGROUP PATH MIB TIMES
  cron "$1" "$4" 0.5 "dd if=/dev/zero of=$2 bs=1M count=$3 conv=fsync status=none"
}

snapshot="etcdctl --endpoints http://127.0.0.1:2379 snapshot save"
export ETCDCTL_API=3

# --- a victim on ext4, alone and beside others
case_alone() { etcd /mnt/etcd/data; look; finish; }
case_alone_log_only() { victim /mnt/etcd/data; look; finish; }
case_snapshots() { etcd /mnt/etcd/data; look; cron backup 5 0.7 "$snapshot /mnt/etcd/snapshot.db"; finish; }
case_snapshot_once() {
  etcd /mnt/etcd/data
  look
  sleep 4
  cron backup 1 0 "$snapshot /mnt/etcd/snapshot.db"
  finish
}
case_buffered_same_fs() { etcd /mnt/etcd/data; look; sleep 2; dd_again copy /mnt/etcd/copy 12 6; finish; }
case_buffered_other_fs() { victim /mnt/etcd/data; look; sleep 2; dd_again copy /mnt/other/copy 12 6; finish; }
case_tar() {
  mkdir -p /mnt/etcd/old
  for number in 1 2 3 4 5 6 7 8; do file /mnt/etcd/old/$number 2; done
  settle
  echo 3 >/proc/sys/vm/drop_caches
  victim /mnt/etcd/data
  look
  cron copy 3 1 "tar -cf /mnt/etcd/old.tar -C /mnt/etcd old"
  finish
}
case_audit_log() {
  victim /mnt/etcd/data
  start apiserver /opt/kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
    --audit-log-path=/mnt/etcd/audit.log --audit-log-maxsize=4 --rate=400
  look
  finish
}
case_direct_read() {
  file /mnt/other/read 32
  victim /mnt/etcd/data
  look
  sleep 2
  fio reader --filename=/mnt/other/read --direct=1 --rw=randread --bs=256k --iodepth=2 --ioengine=libaio \
    --rate_iops=300
  finish
}
case_direct_write() {
  file /mnt/etcd/write 16
  victim /mnt/etcd/data
  look
  fio writer --filename=/mnt/etcd/write --direct=1 --rw=write --bs=64k --iodepth=1 --ioengine=libaio \
    --rate_iops=300
  finish
}
case_io_uring() {
  file /mnt/etcd/write 16
  victim /mnt/etcd/data
  look
  fio writer --filename=/mnt/etcd/write --direct=1 --rw=randwrite --bs=16k --iodepth=4 --ioengine=io_uring \
    --rate_iops=200
  finish
}
case_mmap() {
  file /mnt/etcd/write 16
  victim /mnt/etcd/data
  look
  fio writer --filename=/mnt/etcd/write --rw=randwrite --bs=4k --ioengine=mmap --fsync=64 --rate_iops=200
  finish
}
case_two_culprits() {
  file /mnt/other/read 32
  etcd /mnt/etcd/data
  look
  dd_again copy /mnt/etcd/copy 8 8
  sleep 2
  fio reader --filename=/mnt/other/read --direct=1 --rw=read --bs=128k --rate=4m --ioengine=psync
  finish
}

# --- innocents
case_innocent_cached_reader() {
  file /mnt/etcd/cached 8
  victim /mnt/etcd/data
  look
  cron reader 100 0 "dd if=/mnt/etcd/cached of=/dev/null bs=64k status=none"
  finish
}
case_innocent_cpu() {
  victim /mnt/etcd/data
  start hog /bin/sh -c 'while :; do :; done'
  look
  finish
}
case_innocent_other_disk() {
  file /mnt/second/write 16
  etcd /mnt/etcd/data
  look
  fio writer --filename=/mnt/second/write --direct=1 --rw=randwrite --bs=64k --rate_iops=100 --ioengine=psync
  finish
}
case_nobody() { look --wait; dd_again copy /mnt/etcd/copy 2 4; finish; }

# --- a limit of its own, no CPU, no memory
case_own_io_max() {
  mkdir -p $cgroups/victim
  echo "$(cat "/sys/block/$disk/dev") wiops=25" >$cgroups/victim/io.max
  victim /mnt/etcd/data
  look
  finish
  echo "$(cat "/sys/block/$disk/dev") wiops=max" >$cgroups/victim/io.max
}
case_own_cpu_max() {
  mkdir -p $cgroups/etcd
  echo "8000 100000" >$cgroups/etcd/cpu.max
  etcd /mnt/etcd/data
  look
  finish
  echo max >$cgroups/etcd/cpu.max
}
case_cpu_short() {
  etcd /mnt/etcd/data
  for number in 1 2 3 4 5 6; do start hog /bin/sh -c 'while :; do :; done'; done
  look
  dd_again copy /mnt/other/copy 2 6
  finish
}
case_culprit_io_max() {
  file /mnt/etcd/write 16
  mkdir -p $cgroups/writer
  echo "$(cat "/sys/block/$disk/dev") wbps=2000000" >$cgroups/writer/io.max
  victim /mnt/etcd/data
  look
  dd_again writer /mnt/etcd/write 4 8
  finish
  echo "$(cat "/sys/block/$disk/dev") wbps=max" >$cgroups/writer/io.max
}
case_own_v1_blkio() {
  local blkio
  blkio=$(findmnt -n -t cgroup -O blkio -o TARGET | head -n 1)
  if [ -z "$blkio" ]; then
    # Version 1 gets the controller when version 2 lets it go.
    blkio=/mnt/blkio
    echo -io >$cgroups/cgroup.subtree_control
    mkdir -p $blkio
    for _ in $(seq 50); do mount -t cgroup -o blkio nodev $blkio 2>/dev/null && break; sleep 0.2; done
  fi
  blkio=$blkio/iocontend-yardstick
  mkdir -p "$blkio"
  echo "$(cat "/sys/block/$disk/dev") 25" >"$blkio/blkio.throttle.write_iops_device" || return
  victim /mnt/etcd/data
  echo "${pids[-1]}" >"$blkio/cgroup.procs"
  look
  finish
  sleep 1
  rmdir "$blkio"
}

# --- other file systems, stacks and schedulers
# Mounted for their cases only: where one is, syncs are watched in another way.
on_file_system() { # xfs|btrfs
  "mkfs.$1" -q -f "$(part 3)" >/dev/null 2>&1 && mount "$(part 3)" /mnt/third || return
  victim /mnt/third/data
  look
  sleep 2
  dd_again copy /mnt/third/copy 8 6
  finish
  umount /mnt/third
}
case_xfs() { on_file_system xfs; }
case_btrfs() { on_file_system btrfs; }
case_device_mapper() {
  local half=$((128 << 20 >> 9)) base
  base=$(part 4)
  dmsetup create etcd --table "0 $half linear $base 0"
  dmsetup create other --table "0 $half linear $base $half"
  mkfs.ext4 -q -F -E $lazy /dev/mapper/etcd
  mount /dev/mapper/etcd /mnt/upper
  victim /mnt/upper/data
  look
  sleep 2
  fio reader --filename=/dev/mapper/other --direct=1 --rw=randread --bs=64k --iodepth=2 --ioengine=libaio
  finish
  umount /mnt/upper
  dmsetup remove etcd
  dmsetup remove other
}
case_loop() {
  truncate -s 96M /mnt/etcd/image
  local device
  device=$(losetup --find --show /mnt/etcd/image)
  mkfs.ext4 -q -F -E $lazy "$device"
  mount "$device" /mnt/upper
  victim /mnt/upper/data
  look
  sleep 2
  dd_again copy /mnt/etcd/copy 8 6
  finish
  umount /mnt/upper
  losetup -d "$device"
  rm /mnt/etcd/image
}
case_bfq() {
  echo bfq >"/sys/block/$disk/queue/scheduler" || return
  file /mnt/other/read 32
  victim /mnt/etcd/data
  look
  sleep 2
  fio reader --filename=/mnt/other/read --direct=1 --rw=randread --bs=128k --iodepth=2 --ioengine=libaio \
    --prioclass=3 --rate_iops=300
  finish
  echo none >"/sys/block/$disk/queue/scheduler"
}
case_several_disks() {
  etcd /mnt/second/data --wal-dir=/mnt/etcd/wal
  look
  dd_again copy /mnt/second/copy 2 8
  dd_again other /mnt/etcd/copy 8 6
  finish
  rm -rf /mnt/etcd/wal
}

# --- processes that come and go, loss, captures that are not whole
case_many_processes() {
  local watch=20 interval=5
  # Everything takes longer under emulation.
  [ -z "${IOCONTEND_VM:-}" ] || watch=80 interval=20
  file /mnt/second/many 2
  victim /mnt/second/data
  look
  # Each ends after one write past the page cache.
  start many /usr/bin/python3 -c '
import mmap, os, time
page = mmap.mmap(-1, 4096)
for number in range(2300):
    pid = os.fork()
    if pid == 0:
        file = os.open("/mnt/second/many", os.O_RDWR | os.O_DIRECT)
        os.pwritev(file, [page], number % 512 * 4096)
        os._exit(0)
    os.waitpid(pid, 0)
time.sleep(100)'
  finish
}
case_pid_reuse() {
  file /mnt/etcd/write 4
  victim /mnt/etcd/data
  look
  start again /bin/bash -c '
    for name in first second third; do
      sleep 1
      until [ "$pid" = 7000 ]; do
        echo 6999 >/proc/sys/kernel/ns_last_pid
        case $name in
          first) dd if=/dev/zero of=/mnt/etcd/write bs=64k count=20 oflag=direct conv=notrunc status=none & ;;
          second) tar -cf /mnt/etcd/tarred /mnt/etcd/write & ;;
          third) dd if=/mnt/etcd/write of=/dev/null bs=64k count=20 iflag=direct status=none & ;;
        esac
        pid=$!
        wait
      done
      pid=
    done
    sleep 100'
  finish
}
case_target_returns() {
  look --wait --pid-of demo-victim
  rate=30 victim /mnt/etcd/data
  sleep 1.5
  kill "${pids[-1]}"
  sleep 1
  rate=30 victim /mnt/etcd/data
  dd_again copy /mnt/etcd/copy 4 3
  finish
}
case_loss() {
  file /mnt/second/write 16
  victim /mnt/second/data
  look --ring-size 4096
  fio writer --filename=/mnt/second/write --direct=1 --rw=randwrite --bs=4k --iodepth=32 --ioengine=libaio \
    --rate_iops=3000
  finish
}
case_cut_off() {
  victim /mnt/etcd/data
  look
  dd_again copy /mnt/etcd/copy 8 6
  sleep 7.3
  kill -KILL $recorder
  finish 137
}
case_sync_calls() {
  victim /mnt/etcd/data
  look --sync-calls --no-thread-waits
  cron syncer 10 0.5 "echo words >/mnt/etcd/words; sync"
  finish
}
case_cgroup_target() {
  victim /mnt/etcd/data mine
  fio mine --filename=/mnt/etcd/mine --size=4m --rw=randwrite --bs=4k --ioengine=psync --fsync=1 --rate_iops=10
  who=()
  look --cgroup $below/mine
  dd_again copy /mnt/etcd/copy 8 6
  finish
}

# The last one takes a controller away from the others.
all="alone alone_log_only snapshots snapshot_once buffered_same_fs buffered_other_fs tar audit_log direct_read
 direct_write io_uring mmap two_culprits innocent_cached_reader innocent_cpu innocent_other_disk nobody own_io_max
 own_cpu_max cpu_short culprit_io_max xfs btrfs device_mapper loop bfq several_disks many_processes pid_reuse
 target_returns loss cut_off sync_calls cgroup_target own_v1_blkio"

prepare || exit 1
echo "prepared at $SECONDS s"
for case in ${*:-$all}; do
  name=${case//_/-}
  [ -e "$out/$name.iocap" ] && continue
  settle
  : >/tmp/actors.log
  "case_$case"
done
exit 0
