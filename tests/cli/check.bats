# `twofold check` and `twofold header` on real images: reads only unless asked, repairs from copies,
# maps what is lost, works with one layer's key, brings a header back. Offsets are those of the
# image format.

load helper

header_a=0 header_b=$((512 << 10)) superblock_even=$((64 << 10)) superblock_odd=$((96 << 10))

filled_store() {
    a_store
    mounted
    pattern a $((1 << 20)) | dd of="$mnt/data0.img" bs=1M conv=notrunc status=none
    unmounted
}

holds_pattern() { cmp -n $((1 << 20)) <(pattern a $((1 << 20))) "$mnt/data0.img"; }

# finds REGEX ARGUMENTS...: check ends with 4 and says so on standard output.
finds() {
    local regex=$1
    shift
    refuses 4 'data0' check "$store" "$@"
    grep -qE -- "$regex" <<<"$output" || explain "output does not match '$regex'" check "$@"
}

@test "Check reads only: a sound and a damaged image are the same bytes afterwards" {
    filled_store
    local before
    before=$(sha256sum <"$(image)")
    does check "$store"
    does check "$store" data0 --layer 1
    [[ $before == "$(sha256sum <"$(image)")" ]]
    flip "$(image)" $((header_a + 30))
    flip "$(image)" "$(slot_of_block 3)"
    before=$(sha256sum <"$(image)")
    finds 'header copy A' data0
    [[ $before == "$(sha256sum <"$(image)")" ]]
}

@test "Check tells blocks, rate and soundness, with --json all of it" {
    filled_store
    does check "$store"
    grep -qE 'disk data0: sound: .* 4096 blocks, 256 with data; 1 MiB verified in .* s, .*/s; as new as its anchor says$' <<<"$output"
    flip "$(image)" "$(slot_of_block 12)"
    flip "$(image)" "$(slot_of_block 13)"
    flip "$(image)" "$(slot_of_block 20)"
    refuses 4 'blocks 12-13' check "$store" --json
    jq -e '.disks[0] | .disk == "data0" and .found == 2 and .blocksLost == 3 and .complete and (.sound | not) and .bytesPerSecond > 0
        and .findings[0].blocks == {first: 12, count: 2} and .findings[0].layer == 2 and .findings[0].keyset == 1 and .findings[0].cure == "writing"
        and .lost == [{first: 12, count: 2}, {first: 20, count: 1}]' <<<"$output"
    jq -e --argjson slot "$(slot_of_block 12)" '.disks[0].findings[0].offset == $slot' <<<"$output"
}

@test "Damaged copies: the repair writes the same bytes again and says what it did" {
    filled_store
    local before offset
    before=$(sha256sum <"$(image)")
    for offset in $((header_a + 30)) $((header_b + 30)) $((header_a + 4096 + 99)) $((header_b + 5 * 4096 + 99)) \
        $((superblock_even + 40)) $((superblock_odd + 40)) $((superblock_even + (512 << 10) + 40)); do
        flip "$(image)" "$offset"
        does check "$store" --repair
        grep -qE 'mended|restored from' <<<"$output" || explain "says nothing of what it did" check --repair
        [[ $before == "$(sha256sum <"$(image)")" ]] || explain "offset $offset: other bytes" check --repair
    done
    grep -q '"disk-repaired"' "$store/events.jsonl"
    does check "$store" --repair
    grep -q 'nothing was repaired' <<<"$output"
    [[ $before == "$(sha256sum <"$(image)")" ]]
}

@test "The segment table and the pool table are made again, or both lost are named and left alone" {
    filled_store
    local before tables offset
    tables=$(number_at "$(image)" 120 8)
    for offset in "$tables" "$(number_at "$(image)" 128 8)"; do
        # Whichever copy is in use: both.
        dd if=/dev/urandom of="$(image)" bs=4096 seek=$((offset / 4096)) count=1 conv=notrunc status=none
        dd if=/dev/urandom of="$(image)" bs=4096 seek=$(((offset + (offset == tables ? 65536 : 8192)) / 4096)) count=1 conv=notrunc status=none
        refuses 4 'table' mount "$store" "$mnt"
        does check "$store" --repair
    done
    mounted
    holds_pattern
    unmounted
    flip "$(image)" $((header_a + 30))
    flip "$(image)" $((header_b + 30))
    before=$(sha256sum <"$(image)")
    refuses 4 'header' check "$store" --repair
    [[ $before == "$(sha256sum <"$(image)")" ]]
}

@test "Lost blocks: named, mapped as ddrescue does, EIO until they are written anew" {
    filled_store
    flip "$(image)" "$(slot_of_block 7)"
    flip "$(image)" "$(slot_of_block 8)"
    finds 'blocks 7-8: .*layer 2' data0 --map "$machine/lost.map"
    ddrescuelog -t "$machine/lost.map"
    [[ $(ddrescuelog -t "$machine/lost.map" | awk '/bad-sector/ {print $2, $3}') == "8192 B," ]]
    # The areas add up to the disk, without a gap.
    local position=0 at size status
    while read -r at size status; do
        [[ $status == [+-] && $((at)) -eq $position ]]
        position=$((position + size))
    done < <(grep -v '^#' "$machine/lost.map" | tail -n +2)
    [[ $position -eq $((16 << 20)) ]]

    mounted
    run dd if="$mnt/data0.img" bs=4096 skip=7 count=1 status=none
    [[ $status -ne 0 ]]
    pattern a $((1 << 20)) | dd of="$mnt/data0.img" bs=1M conv=notrunc,fsync status=none
    holds_pattern
    unmounted
    does check "$store" data0 --map "$machine/lost.map"
    ddrescuelog -D "$machine/lost.map"
}

@test "A map does not replace another file unless forced" {
    filled_store
    echo precious >"$machine/file"
    refuses 1 'exists' check "$store" data0 --map "$machine/file"
    [[ $(<"$machine/file") == precious ]]
    does check "$store" data0 --map "$machine/file" --force
    ddrescuelog -t "$machine/file"
    refuses 2 'DISK' check "$store" --map "$machine/file"
    refuses 1 '' check "$store" data0 --map "$machine/none/file"
}

@test "With layer 1's key alone: asks for no other, and says what it cannot prove" {
    filled_store
    disable "$(newest_version)"
    refuses 3 'layer 1' check "$store" data0
    does check "$store" data0 --layer 1
    grep -q 'not proved: .*no tag' <<<"$output"
    flip "$(image)" $((header_b + 30))
    finds 'header copy B' data0 --layer 1
    refuses 2 'layer 1' check "$store" data0 --layer 2
    refuses 2 'repair' check "$store" data0 --layer 1 --repair
}

@test "On a disk with layer 1 alone its key checks everything" {
    one_layer
    a_disk
    does check "$store" data0 --layer 1 --json
    jq -e '.disks[0] | .scope == "everything" and .sound and .tagsVerified' <<<"$output"
}

@test "An older image is sound and not as new as its anchor, and adopting it is said to be the cure" {
    filled_store
    cp "$(image)" "$machine/older.img"
    mounted
    unmounted
    does check "$store"
    grep -q 'as new as its anchor' <<<"$output"
    cp "$machine/older.img" "$(image)"
    finds 'anchor: rolled-back: .*adopt' data0
    does check "$store" data0 --layer 1
    grep -q 'not proved: that this is the newest' <<<"$output"
    does adopt "$store" data0 --accept-rollback --yes
    does check "$store"
}

@test "A mounted disk is not checked, and the others are" {
    a_store
    a_disk data1
    mounted
    refuses 5 'in use.*umount' check "$store"
    grep -q 'disks: 0 sound, 0 damaged, 2 not checked' <<<"$output"
    refuses 5 'in use.*umount' check "$store" data0 --repair
    refuses 5 'in use.*umount' check "$store" data0 --layer 1
    unmounted
    flip "$(image data1)" 30
    refuses 4 'data1' check "$store"
    grep -q '2 disks: 1 sound, 1 damaged, 0 not checked; 0 blocks lost' <<<"$output"
}

@test "Both header copies lost: the backup brings the disk back with all data" {
    filled_store
    does header backup "$store" data0 "$machine/data0.header"
    [[ $(stat -c '%s %a' "$machine/data0.header") == "65536 600" ]]
    refuses 1 'exists' header backup "$store" data0 "$machine/data0.header"
    dd if=/dev/urandom of="$(image)" bs=64K count=1 conv=notrunc status=none
    refuses 1 'opens as it is' header restore "$store" data0 "$machine/data0.header"
    dd if=/dev/urandom of="$(image)" bs=64K seek=8 count=1 conv=notrunc status=none
    refuses 4 'data0' mount "$store" "$mnt"
    finds 'header restore' data0
    does header restore "$store" data0 "$machine/data0.header"
    does check "$store"
    mounted
    holds_pattern
}

@test "A header is not restored into a mounted disk, another disk, or from another file" {
    filled_store
    does header backup "$store" data0 "$machine/data0.header"
    mounted
    refuses 5 'in use' header restore "$store" data0 "$machine/data0.header" --force
    does header backup "$store" data0 "$machine/beside.header"
    cmp "$machine/data0.header" "$machine/beside.header"
    unmounted
    a_disk data1
    leaves_untouched 4 'data1' header restore "$store" data1 "$machine/data0.header" --force
    head -c 65536 /dev/urandom >"$machine/noise"
    leaves_untouched 1 'data0' header restore "$store" data0 "$machine/noise" --force
    refuses 1 '' header restore "$store" data0 "$machine/none"
}
