# How new a disk is, is known outside its store: older images are refused until they are adopted.

load helper

anchor() { echo "$TWOFOLD_STATE/$(jq -er .id "$store/deployment.json")/anchors/node0/${1:-data0}"; }

# puts TEXT: into the disk, through the mount, synced.
puts() {
    mounted
    printf '%s' "$1" | dd of="$mnt/data0.img" conv=notrunc,fsync status=none
    unmounted
}
reads() { [[ $(head -c "${#1}" "$mnt/data0.img") == "$1" ]]; }

one_disk() {
    one_layer
    a_disk
}

both_sides='image is of mount [0-9]+, superblock [0-9]+, epoch [0-9]+.*anchor knows mount [0-9]+, superblock [0-9]+, epoch [0-9]+'

@test "X10 an older image is refused with both sides shown, until it is adopted as it is" {
    a_store
    puts older
    cp "$(image)" "$machine/backup.img"
    puts newer
    cp "$machine/backup.img" "$(image)"
    leaves_untouched 4 "data0.*older than its anchor.*$both_sides.*adopt .*--accept-rollback" mount "$store" "$mnt"
    leaves_untouched 4 "older than its anchor" mount --read-only "$store" "$mnt"
    leaves_untouched 4 "older than its anchor.*$both_sides" adopt "$store" data0 --yes
    does adopt "$store" data0 --accept-rollback --yes
    grep -qE "state: mount [0-9]+, superblock" <<<"$output"
    grep -q "against its anchor" <<<"$output"
    jq -es 'any(.event == "rollback-accepted" and .disk == "data0")' "$store/events.jsonl"
    mounted
    reads older
}

@test "X10 a copy that was written to elsewhere is forked" {
    one_disk
    puts common
    cp "$(image)" "$machine/copy.img"
    cp -r "$TWOFOLD_STATE" "$machine/state.then"
    puts here
    mv "$(image)" "$machine/here.img"
    mv "$TWOFOLD_STATE" "$machine/state.now"
    cp "$machine/copy.img" "$(image)"
    cp -r "$machine/state.then" "$TWOFOLD_STATE"
    puts elsewhere
    rm -r "$TWOFOLD_STATE"
    mv "$machine/state.now" "$TWOFOLD_STATE"
    leaves_untouched 4 "data0.*another lineage than its anchor.*$both_sides" mount "$store" "$mnt"
    mv "$machine/here.img" "$(image)"
    mounted
    reads here
}
