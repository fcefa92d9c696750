#!/bin/sh
# Starts bubblewrap for a server that is root: in a mount namespace of its own, inside the sandbox's cgroups, under a
# uid that nothing else has. What an unprivileged uid could not reach by path is bound under /mnt first; all of it,
# the loop device of the disk included, goes away with the last process of the sandbox. Where disks can't be mounted, a
# folder takes the image's place, and the guest watches its size.
#
#   unshare --mount --propagation private -- sh launch.sh UID IMAGE-OR-FOLDER CGROUP-FILES [SOURCE NAME]... -- bwrap ...
set -eu

uid=$1 disk=$2 cgroups=$3
shift 3

for tasks in $cgroups; do
    echo $$ > "$tasks"
done

mount -t tmpfs -o size=1m,mode=0755,nosuid,nodev stage /mnt
mkdir /mnt/disk
if [ -d "$disk" ]; then mount --bind "$disk" /mnt/disk; else mount -o loop,nosuid,nodev,discard "$disk" /mnt/disk; fi
mkdir -p /mnt/disk/workspace /mnt/disk/outputs
chown "$uid:$uid" /mnt/disk/workspace /mnt/disk/outputs

while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir "/mnt/$2"; else : > "/mnt/$2"; fi
    mount --bind "$1" "/mnt/$2"
    shift 2
done
shift

exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs -- "$@"
