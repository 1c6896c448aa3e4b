# Mounts: what a program sees of a disk, and the commands that work on a running mount.

load helper

@test "Each disk of the node is a file of its size, and there is nothing else" {
    a_store
    a_disk temp0 temp 32M
    mounted
    [[ $(ls "$mnt") == $'data0.img\ntemp0.img' ]]
    [[ $(stat -c %s "$mnt/data0.img") == $((16 << 20)) ]]
    [[ $(stat -c %s "$mnt/temp0.img") == $((32 << 20)) ]]
    unmounted
    [[ -z $(ls -A "$mnt") ]]
}

@test "What was written is read after a remount" {
    a_store
    mounted
    pattern a $((3 << 20)) >"$machine/a"
    dd if="$machine/a" of="$mnt/data0.img" bs=1M seek=1 conv=notrunc status=none
    unmounted
    mounted
    cmp <(dd if="$mnt/data0.img" bs=1M skip=1 count=3 status=none) "$machine/a"
    cmp <(head -c 1M "$mnt/data0.img") <(head -c 1M /dev/zero)  # never written: zeros
}

@test "A raw image becomes a disk of its size with its content" {
    a_cloud
    a_deployment
    pattern raw $((5 << 20)) >"$machine/raw"
    does disk add "$store" data0 --role data --from "$machine/raw"
    mounted
    cmp "$machine/raw" "$mnt/data0.img"
}

@test "A disk keeps its size: no truncation, no growth, no new and no removed file" {
    a_store
    mounted
    local disk=$mnt/data0.img
    run ! truncate -s 1M "$disk"
    run ! truncate -s 1G "$disk"
    run ! bash -c ": >'$disk'"
    run ! rm "$disk"
    run ! touch "$mnt/new"
    run ! mkdir "$mnt/new"
    run ! mv "$disk" "$mnt/other.img"
    [[ $(ls "$mnt") == data0.img ]]
    [[ $(stat -c %s "$disk") == $((16 << 20)) ]]
}

@test "A write past the end fails and leaves the size as it was" {
    a_store
    mounted
    run ! dd if=/dev/zero of="$mnt/data0.img" bs=4096 seek=4096 count=1 conv=notrunc,fsync
    run ! dd if=/dev/zero of="$mnt/data0.img" bs=1M seek=15 count=2 conv=notrunc,fsync oflag=direct
    [[ $(stat -c %s "$mnt/data0.img") == $((16 << 20)) ]]
    [[ $(wc -c <"$mnt/data0.img") == $((16 << 20)) ]]
}

@test "Punched and zeroed ranges read as zeros" {
    a_store
    mounted
    pattern a 65536 | dd of="$mnt/data0.img" conv=notrunc,fsync status=none
    fallocate --punch-hole --offset 4096 --length 8192 "$mnt/data0.img"
    fallocate --zero-range --keep-size --offset 20480 --length 4096 "$mnt/data0.img"
    run ! fallocate --length 32M "$mnt/data0.img"
    pattern a 65536 >"$machine/expected"
    dd if=/dev/zero of="$machine/expected" bs=4096 seek=1 count=2 conv=notrunc status=none
    dd if=/dev/zero of="$machine/expected" bs=4096 seek=5 count=1 conv=notrunc status=none
    cmp -n 65536 "$machine/expected" "$mnt/data0.img"
    unmounted
    mounted
    cmp -n 65536 "$machine/expected" "$mnt/data0.img"
}

@test "Buffered, direct and mapped writes meet in one content" {
    a_store
    mounted
    cd "$machine"  # fio leaves its state where it runs
    fio --name=mix --filename="$mnt/data0.img" --size=16M --rw=randwrite --bs=4k --verify=crc32c \
        --do_verify=1 --verify_fatal=1 --ioengine=psync --number_ios=400 --output="$machine/fio1"
    fio --name=direct --filename="$mnt/data0.img" --size=16M --rw=randwrite --bs=4k-256k --verify=crc32c \
        --do_verify=1 --verify_fatal=1 --ioengine=psync --direct=1 --number_ios=200 --output="$machine/fio2"
    fio --name=mapped --filename="$mnt/data0.img" --size=4M --rw=randwrite --bs=4k --verify=crc32c \
        --do_verify=1 --verify_fatal=1 --ioengine=mmap --number_ios=200 --output="$machine/fio3"
    unmounted
    does check "$store"
}

@test "A read-only mount refuses writes and changes nothing" {
    a_store
    mounted
    pattern a 65536 | dd of="$mnt/data0.img" conv=notrunc status=none
    unmounted
    local before
    before=$(fingerprint "$store/disks")
    mounted --read-only
    run ! dd if=/dev/zero of="$mnt/data0.img" bs=4096 count=1 conv=notrunc,fsync
    cmp -n 65536 <(pattern a 65536) "$mnt/data0.img"
    unmounted
    [[ $(fingerprint "$store/disks") == "$before" ]]
}

@test "umount returns when everything is on disk" {
    a_store
    mounted
    pattern a $((8 << 20)) | dd of="$mnt/data0.img" bs=1M conv=notrunc status=none
    unmounted
    [[ -z $(daemons_of "$machine") ]]
    does check "$store"
    run ! mountpoint -q "$mnt"
}

@test "A mount in the foreground ends at SIGTERM and at SIGINT, with everything on disk" {
    a_store
    local signal
    for signal in TERM INT; do
        # a background process of a script ignores SIGINT unless it is told not to
        env --default-signal=INT twofold mount "$store" "$mnt" --foreground 3>&- &
        local pid=$!
        does wait "$store" --for mounted --timeout 20s
        pattern "$signal" 65536 | dd of="$mnt/data0.img" conv=notrunc status=none
        kill -s "$signal" "$pid"
        wait "$pid"
        run ! mountpoint -q "$mnt"
        mounted
        cmp -n 65536 <(pattern "$signal" 65536) "$mnt/data0.img"
        unmounted
    done
}

@test "The same bytes are sealed and opened by independent libraries" {
    a_store
    mounted
    pattern a $((2 << 20)) | dd of="$mnt/data0.img" bs=1M conv=notrunc status=none
    unmounted
    mounted --independent-libraries
    cmp -n $((2 << 20)) <(pattern a $((2 << 20))) "$mnt/data0.img"
    pattern b $((2 << 20)) | dd of="$mnt/data0.img" bs=1M seek=4 conv=notrunc status=none
    unmounted
    mounted
    cmp -n $((2 << 20)) <(pattern b $((2 << 20))) <(tail -c +$(((4 << 20) + 1)) "$mnt/data0.img")
}

@test "Status says what is mounted and under which key" {
    a_store
    does status "$store"
    grep -q data0 <<<"$output"
    mounted
    does status "$store" --json
    grep -q "$mnt" <<<"$output"
    grep -q "$(newest_version)" <<<"$output"
}

@test "Wait tells mounted, key and kek, and runs out of time" {
    a_store
    refuses 7 'time|mounted' wait "$store" --for mounted --timeout 1s
    mounted
    does wait "$store" --for mounted --timeout 5s
    does wait "$store" --for key=available --timeout 5s
    does wait "$store" --for "kek=$(newest_version)" --timeout 5s
    refuses 7 '' wait "$store" --for kek=00000000000000000000000000000000 --timeout 1s
    refuses 2 'condition|moon' wait "$store" --for moon=full --timeout 1s
}

@test "The key is rotated under a running mount" {
    a_store
    mounted
    local first second
    first=$(newest_version)
    pattern a 65536 | dd of="$mnt/data0.img" conv=notrunc,fsync status=none
    rotate_key
    second=$(newest_version)
    does rotate "$store"
    does wait "$store" --for "kek=$second" --timeout 20s
    disable "$first"
    pattern b 65536 | dd of="$mnt/data0.img" bs=65536 seek=1 conv=notrunc,fsync status=none
    unmounted
    mounted  # the new version alone opens it
    cmp -n 131072 <(pattern a 65536; pattern b 65536) "$mnt/data0.img"
}

@test "The key is rotated while nothing is mounted" {
    a_store
    local first
    first=$(newest_version)
    rotate_key
    does rotate "$store"
    disable "$first"
    mounted
    does wait "$store" --for "kek=$(newest_version)" --timeout 5s
}

@test "A file system is made inside a disk, attached and detached, mount included" {
    needs_root
    a_cloud
    a_deployment
    a_disk data0 data 64M
    does attach "$store" data0 "$files" --mkfs ext4
    mountpoint -q "$files"
    cp -r /usr/include/linux "$files/"
    does detach "$files"
    run ! mountpoint -q "$files"
    [[ -z $(daemons_of "$machine") ]]  # attach had mounted the store, so detach unmounts it
    [[ -z $(loops_below "$machine") ]]
    does attach "$store" data0 "$files"
    diff -r /usr/include/linux "$files/linux"
    does detach "$files"
}

@test "Detach leaves the mount that was there before attach" {
    needs_root
    a_cloud
    a_deployment
    a_disk data0 data 64M
    mounted
    does attach "$store" data0 "$files" --mkfs ext4
    does detach "$files"
    mountpoint -q "$mnt"
    unmounted
}

@test "mkfs refuses a disk that holds a file system unless forced" {
    needs_root
    a_cloud
    a_deployment
    a_disk data0 data 64M
    does attach "$store" data0 "$files" --mkfs ext4
    echo precious >"$files/file"
    does detach "$files"
    refuses 1 'ext4|file system|--force' attach "$store" data0 "$files" --mkfs ext4
    does attach "$store" data0 "$files"
    [[ $(cat "$files/file") == precious ]]
    does detach "$files"
    does attach "$store" data0 "$files" --mkfs ext4 --force
    [[ ! -e $files/file ]]
    does detach "$files"
}

@test "Events are written from the first day" {
    a_store
    mounted
    rotate_key
    does rotate "$store"
    unmounted
    jq -es 'length > 0 and all(.[]; has("time") and has("event"))' "$store/events.jsonl" >/dev/null
    [[ $(jq -r .event "$store/events.jsonl" | sort -u | tr '\n' ' ') == *mount* ]]
    [[ $(jq -r .event "$store/events.jsonl" | tr '\n' ' ') == *rotat* ]]
}

@test "The runtime directory and its socket are for their owner alone" {
    a_store
    mounted
    local id
    id=$(jq -r .id "$store/deployment.json")
    local runtime=/run/twofold
    ((EUID == 0)) || runtime=$XDG_RUNTIME_DIR/twofold
    [[ $(stat -c %a "$runtime/$id/node0") == 700 ]]
    local socket
    socket=$(find "$runtime/$id/node0" -type s)
    [[ $(stat -c %a "$socket") == 600 ]]
    unmounted
    [[ ! -e $socket ]]
}

@test "The daemon leaves no core and cannot be traced by others" {
    a_store
    mounted
    local pid
    pid=$(daemon)
    [[ $(stat -c %U "/proc/$pid/environ") == root ]]  # what a process that is not dumpable shows
    grep -q '^Max core file size *0 *0' "/proc/$pid/limits"
    (($(awk '/^VmLck:/ {print $2}' "/proc/$pid/status") > 0))
}

@test "Other users see the disks only where that was asked for" {
    needs_root  # to be another user
    chmod 755 "$machine"
    a_store
    mounted -o umask=022
    run ! setpriv --reuid nobody --clear-groups stat "$mnt/data0.img"
    unmounted
    mounted -o allow_other
    run ! setpriv --reuid nobody --clear-groups stat "$mnt/data0.img"  # the modes still count
    unmounted
    mounted -o allow_other,umask=022
    setpriv --reuid nobody --clear-groups cmp -n 4096 "$mnt/data0.img" /dev/zero
    run ! setpriv --reuid nobody --clear-groups dd if=/dev/zero of="$mnt/data0.img" bs=4096 count=1 conv=notrunc
    unmounted
}

@test "An ordinary user mounts, attaches, detaches and unmounts" {
    needs_root  # to become an ordinary user; and to let that user open /dev/fuse, as Debian does
    chmod 755 "$machine"
    mkdir "$machine/user"
    chown nobody "$machine/user"
    cat >"$machine/user/session" <<'END'
set -euo pipefail
cd "$1"
export TWOFOLD_CLOUD=$PWD/cloud TWOFOLD_STATE=$PWD/state XDG_RUNTIME_DIR=$PWD/run
mkdir -m 0700 run disks files
trap 'twofold detach files; twofold umount disks; fusermount3 -uz files; fusermount3 -uz disks' ERR
twofold create store --profile azure-vm
twofold disk add store data0 --role data --size 64M
twofold mount store disks
head -c 1M /usr/bin/bash | dd of=disks/data0.img bs=1M seek=32 conv=notrunc status=none
twofold umount disks
twofold mount store disks
cmp -n 1048576 /usr/bin/bash <(tail -c +33554433 disks/data0.img)
twofold umount disks
twofold attach store data0 files --mkfs ext4
cp -R /usr/include/net files/
twofold detach files
twofold attach store data0 files
diff -r /usr/include/net files/net
twofold detach files
[[ -z $(ls -A files) && -z $(ls -A disks) ]]
END
    mknod -m 666 "$machine/fuse" c 10 229
    # In a mount namespace: what is bound over /dev/fuse is nobody else's business.
    # shellcheck disable=SC2016  # the inner shell expands it
    unshare --mount bash -c 'mount --bind "$1/fuse" /dev/fuse && exec setpriv --reuid nobody --regid nogroup \
        --clear-groups bash "$1/user/session" "$1/user"' - "$machine"
}
