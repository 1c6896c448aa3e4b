# What the product does beyond its sources.

load ../cli/helper

# An event of this disk's block that names the layer.
alert_of_block() {  # DISK BLOCK LAYER
    jq -es --arg disk "$1" --argjson block "$2" --argjson layer "$3" \
        'any(.[]; .disk == $disk and .block == $block and .layer == $layer)' "$store/events.jsonl" >/dev/null
}

@test "X1 the story of the quickstart, from an empty cloud to a recovered key" {
    needs_root
    run --separate-stderr "$root/scripts/quickstart" --program "$(command -v twofold)" --dir "$machine/demo"
    echo "$output"
    echo "$stderr" >&2
    [[ $status -eq 0 ]]
    grep -q 'is not in it' <<<"$output"
    grep -q 'exit code 3' <<<"$output"
    grep -q 'identical' <<<"$output"
    mountpoint -q "$machine/demo/files"
    run "$root/scripts/quickstart" --clean --dir "$machine/demo"
    [[ $status -eq 0 && ! -e $machine/demo ]]
    [[ -z $(mounts_below "$machine/demo") && -z $(loops_below "$machine/demo") ]]
}

@test "X2 a changed bit is found at read, reported with disk, block and layer, and never returned" {
    a_cloud
    a_deployment
    a_disk os0 os
    a_disk data0 data
    mounted
    local disk bit
    for disk in os0 data0; do pattern "$disk" 65536 | dd of="$mnt/$disk.img" conv=notrunc status=none; done
    unmounted
    flip "$(image data0)" "$(slot_of_block 3 data0)"             # the first byte of a slot
    flip "$(image data0)" $(($(slot_of_block 5 data0) + 4095))   # the last
    flip "$(image os0)" $(($(slot_of_block 7 os0) + 2048))
    mounted
    for bit in data0:3:2 data0:5:2 os0:7:1; do  # over two layers it is the inner tag that finds it
        IFS=: read -r disk block layer <<<"$bit"
        run ! dd if="$mnt/$disk.img" of="$machine/out" bs=4096 skip="$block" count=1 status=none
        [[ ! -s $machine/out ]]
        run ! dd if="$mnt/$disk.img" of="$machine/out" bs=4096 skip="$block" count=1 iflag=direct status=none
        [[ ! -s $machine/out ]]
        alert_of_block "$disk" "$block" "$layer"
    done
    # its neighbours are served
    cmp <(dd if="$mnt/data0.img" bs=4096 skip=4 count=1 status=none) <(pattern data0 65536 | tail -c +16385 | head -c 4096)
    # and what is written anew is good again
    pattern new 4096 | dd of="$mnt/data0.img" bs=4096 seek=3 conv=notrunc,fsync status=none
    cmp <(dd if="$mnt/data0.img" bs=4096 skip=3 count=1 iflag=direct status=none) <(pattern new 4096)
}

@test "X2 a block moved to another place is not accepted there" {
    a_store
    mounted
    pattern a 65536 | dd of="$mnt/data0.img" conv=notrunc status=none
    unmounted
    local from to
    from=$(slot_of_block 1) to=$(slot_of_block 2)
    dd if="$(image)" of="$(image)" bs=4096 skip=$((from / 4096)) seek=$((to / 4096)) count=1 conv=notrunc status=none
    mounted
    run ! dd if="$mnt/data0.img" of="$machine/out" bs=4096 skip=2 count=1 status=none
    [[ ! -s $machine/out ]]
    alert_of_block data0 2 2
}

@test "X4 two layers, two keys, two families of cipher" {
    a_store
    [[ $(number_at "$(image)" 257 1) == 3 ]]                                     # both layers
    [[ $(number_at "$(image)" 258 1) == 3 && $(number_at "$(image)" 259 1) == 1 ]]  # AES-256-XTS around XChaCha20-Poly1305
    [[ $(xxd -s 272 -l 16 -p "$(image)") != "$(xxd -s 288 -l 16 -p "$(image)")" ]]  # DEK ids
    [[ $(xxd -s 304 -l 32 -p "$(image)") != "$(xxd -s 336 -l 32 -p "$(image)")" ]]  # commitments
    mounted --independent-libraries
    pattern a 65536 | dd of="$mnt/data0.img" conv=notrunc status=none
    unmounted
    mounted
    cmp -n 65536 <(pattern a 65536) "$mnt/data0.img"
}

@test "X4 an outside program takes layer 1 off and finds layer 2's ciphertext" {
    a_store
    mounted
    pattern a 65536 | dd of="$mnt/data0.img" conv=notrunc status=none
    unmounted
    local tools=${TWOFOLD_BUILD:-$root/build/dev}/tests/requirements block
    for block in 0 7 15; do
        # libgcrypt, the format's description, and the platform's key: no line of twofold's ciphers
        "$tools/platform_dek" "$TWOFOLD_CLOUD" "$store" | "$tools/outer_layer" "$(image)" "$block" >"$machine/outside"
        does inspect "$store" data0 --layer 1 --offset $((block * 4096)) --length 4096 --json
        jq -er '.bytes // .views[0].bytes' <<<"$output" | xxd -r -p >"$machine/inspected"
        [[ $(stat -c %s "$machine/inspected") == 4096 ]]
        cmp -n 4096 "$machine/outside" "$machine/inspected"
        # and for whoever holds layer 1's key alone it is noise: 4096 bytes do not compress
        (($(head -c 4096 "$machine/outside" | gzip -9 | wc -c) > 4096))
        run ! cmp -s -n 4096 "$machine/outside" <(pattern a 65536 | tail -c +$((block * 4096 + 1)))
    done
}

@test "X10 an older image is refused with both sides shown, until it is adopted as it is" {
    a_store
    writes() {
        mounted
        pattern "$1" 65536 | dd of="$mnt/data0.img" conv=notrunc,fsync status=none
        unmounted
    }
    writes older
    cp "$(image)" "$machine/backup.img"
    writes newer
    cp "$machine/backup.img" "$(image)"
    local sides='older than its anchor: the image is of mount 1, .*epoch.*; the anchor knows mount 2, .*epoch'
    leaves_untouched 4 "data0.*$sides.*adopt .*--accept-rollback" mount "$store" "$mnt"
    leaves_untouched 4 "data0.*$sides" mount --read-only "$store" "$mnt"
    leaves_untouched 4 "data0.*$sides" adopt "$store" data0 --yes
    does adopt "$store" data0 --accept-rollback --yes
    grep -q 'state: mount 1, superblock' <<<"$output"
    grep -qE "against its anchor: .*$sides" <<<"$output"
    jq -es 'any(.event == "rollback-accepted" and .disk == "data0")' "$store/events.jsonl"
    mounted
    cmp -n 65536 <(pattern older 65536) "$mnt/data0.img"
}

@test "X10 one sector put back after a clean unmount gives no older data" {
    a_store
    mounted
    pattern older 65536 | dd of="$mnt/data0.img" conv=notrunc,fsync status=none
    unmounted
    cp "$(image)" "$machine/older.img"
    mounted
    pattern newer 65536 | dd of="$mnt/data0.img" conv=notrunc,fsync status=none
    unmounted
    cp "$(image)" "$machine/newer.img"
    local superblock refused=0
    # the superblocks, both replicas of either pair: 64 KiB, 96 KiB and 512 KiB behind each
    for superblock in 16 24; do
        cp "$machine/newer.img" "$(image)"
        for replica in $superblock $((superblock + 128)); do
            dd if="$machine/older.img" of="$(image)" bs=4096 skip="$replica" seek="$replica" count=1 conv=notrunc status=none
        done
        if twofold mount "$store" "$mnt" 2>"$machine/said"; then
            cmp -n 65536 <(pattern newer 65536) "$mnt/data0.img"
            unmounted
            cp "$(image)" "$machine/newer.img"
        else
            grep -q 'older than its anchor' "$machine/said"
            refused=$((refused + 1))
        fi
    done
    ((refused == 1))
    # a slot: an error, and not what was there before
    cp "$machine/newer.img" "$(image)"
    local slot
    slot=$(slot_of_block 0)
    dd if="$machine/older.img" of="$(image)" bs=4096 skip=$((slot / 4096)) seek=$((slot / 4096)) count=1 conv=notrunc status=none
    mounted
    head -c 4096 "$mnt/data0.img" >"$machine/read" || true
    run ! cmp -s "$machine/read" <(pattern older 4096)
}
