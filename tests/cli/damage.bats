# Damaged images and killed daemons. Offsets are those of the image format: header copies at 0 and
# 512 KiB.

load helper

header_a=0 header_b=$((512 << 10))

filled_store() {
    a_store
    mounted
    pattern a $((1 << 20)) | dd of="$mnt/data0.img" bs=1M conv=notrunc status=none
    unmounted
}

@test "One damaged header copy: the mount succeeds and says so" {
    filled_store
    local copy
    for copy in $header_a $header_b; do
        flip "$(image)" $((copy + 30))
        does mount "$store" "$mnt"
        grep -qiE 'data0.*header.*cop(y|ies)|header copy.*data0' <<<"$stderr" || explain "says nothing of the header" mount
        cmp -n $((1 << 20)) <(pattern a $((1 << 20))) "$mnt/data0.img"
        unmounted
        flip "$(image)" $((copy + 30))
    done
}

@test "Both header copies damaged: exit 4, and nothing changes" {
    filled_store
    flip "$(image)" $((header_a + 30))
    flip "$(image)" $((header_b + 30))
    leaves_untouched 4 'data0.*header' mount "$store" "$mnt"
    run ! mountpoint -q "$mnt"
}

@test "Header copies overwritten with zeros or noise" {
    filled_store
    dd if=/dev/zero of="$(image)" bs=4096 count=16 conv=notrunc status=none
    does mount "$store" "$mnt"
    unmounted
    dd if=/dev/urandom of="$(image)" bs=4096 seek=$((header_b / 4096)) count=16 conv=notrunc status=none
    refuses 4 'data0' mount "$store" "$mnt"
}

@test "A truncated image: exit 4, and nothing changes" {
    filled_store
    local size
    size=$(stat -c %s "$(image)")
    for size in $((size - 4096)) $((size / 2)) $((1 << 20)) 4096 0; do
        truncate -s "$size" "$(image)"
        leaves_untouched 4 'data0' mount "$store" "$mnt"
    done
}

@test "An image that is missing, a directory or a pipe" {
    filled_store
    mv "$(image)" "$machine/kept.img"
    refuses 1 'data0' mount "$store" "$mnt"
    mkdir "$(image)"
    run --separate-stderr twofold mount "$store" "$mnt"
    [[ $status -ne 0 && ${#stderr_lines[@]} -eq 1 ]]
    rmdir "$(image)"
    mkfifo "$(image)"
    run --separate-stderr timeout 20 twofold mount "$store" "$mnt"
    [[ $status -ne 0 && $status -ne 124 && ${#stderr_lines[@]} -eq 1 ]]
}

@test "The image of another disk in its place: exit 4" {
    filled_store
    a_disk data1
    cp "$(image data1)" "$(image data0)"
    leaves_untouched 4 'data0' mount "$store" "$mnt"
}

@test "The image of another deployment in its place: exit 4" {
    filled_store
    does create "$machine/other" --profile azure-vm
    does disk add "$machine/other" data0 --role data --size 16M
    cp "$machine/other/disks/node0/data0.img" "$(image)"
    leaves_untouched 4 'data0' mount "$store" "$mnt"
}

@test "A damaged keyring record is survived by the envelopes in the image" {
    filled_store
    local byte
    for byte in 100 200 300; do flip "$store/keyring/layer2" "$byte"; done
    does mount "$store" "$mnt"
    cmp -n $((1 << 20)) <(pattern a $((1 << 20))) "$mnt/data0.img"
}

@test "kill -9 of the daemon: the next mount needs no manual step and loses nothing that was synced" {
    filled_store
    local round pid
    for round in 1 2 3; do
        mounted
        pattern "synced $round" $((1 << 20)) | dd of="$mnt/data0.img" bs=64K seek=$((round * 32)) conv=notrunc,fsync status=none
        pattern "not synced" $((1 << 20)) | dd of="$mnt/data0.img" bs=64K seek=200 conv=notrunc status=none &
        pid=$(daemon)
        kill -KILL "$pid"
        wait || true
        eventually bash -c "! kill -0 $pid 2>/dev/null"
    done
    mounted
    for round in 1 2 3; do
        cmp <(pattern "synced $round" $((1 << 20))) <(dd if="$mnt/data0.img" bs=64K skip=$((round * 32)) count=16 status=none)
    done
    unmounted
    does check "$store"
}

@test "kill -9 under ext4 on a loop device: detach clears up, and the files that were synced are there" {
    needs_root
    a_cloud
    a_deployment
    a_disk data0 data 64M
    does attach "$store" data0 "$files" --mkfs ext4
    cp -r /usr/include/linux "$files/synced"
    sync -f "$files"
    cp -r /usr/include/linux "$files/lost" 2>/dev/null &
    kill -KILL "$(daemon)"
    wait || true
    run twofold detach "$files"
    run ! mountpoint -q "$files"
    [[ -z $(loops_below "$machine") ]]
    does attach "$store" data0 "$files"
    diff -r /usr/include/linux "$files/synced"
    does detach "$files"
    does check "$store"
}
