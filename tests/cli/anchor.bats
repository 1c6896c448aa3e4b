# How new a disk is, is known outside its store. Here the anchors are files of the local state
# directory; in a vault they are in vault_anchors.bats.

load helper

anchors() { echo "$TWOFOLD_STATE/$(jq -er .id "$store/deployment.json")/anchors"; }
anchor() { echo "$(anchors)/node0/${1:-data0}"; }
anchor_state() { number_at "$(anchor)" 12 4; }  # 1 CLEAN, 2 OPEN
events() { jq -es "any(.event == \"$1\" and .disk == \"${2:-data0}\")" "$store/events.jsonl"; }

one_disk() {
    one_layer
    a_disk
}

# puts TEXT: into the disk, through a mount of its own, synced.
puts() {
    mounted
    keeps "$1"
    unmounted
}
keeps() { printf '%s' "$1" | dd of="$mnt/data0.img" conv=notrunc,fsync status=none; }
reads() { [[ $(head -c "${#1}" "$mnt/data0.img") == "$1" ]]; }
killed() {
    kill -9 "$(daemon)"
    release_mounts "$machine"
}

both_sides='image is of mount [0-9]+, superblock [0-9]+, epoch [0-9]+.*anchor knows mount [0-9]+, superblock [0-9]+, epoch [0-9]+'

@test "A new disk has an anchor, which is open while the disk is mounted" {
    one_disk
    [[ $(stat -c '%s %a' "$(anchor)") == "592 600" && $(anchor_state) == 1 ]]
    mounted
    [[ $(anchor_state) == 2 ]]
    unmounted
    [[ $(anchor_state) == 1 ]]
    mounted --read-only
    [[ $(anchor_state) == 1 ]]
    unmounted
    local before
    before=$(fingerprint "$TWOFOLD_STATE")
    does inspect "$store" data0
    does check "$store"
    [[ $(fingerprint "$TWOFOLD_STATE") == "$before" ]]
}

@test "A disk that is imported is anchored as it was left" {
    one_layer
    pattern raw 1048576 >"$files/raw"
    does disk add "$store" data0 --role data --from "$files/raw"
    [[ $(anchor_state) == 1 && $(number_at "$(anchor)" 32 8) == 1 ]]
    mounted
    cmp -n 1048576 "$files/raw" "$mnt/data0.img"
}

@test "A disk that can't be anchored is not added" {
    one_layer
    mkdir -p "$(anchors)"
    touch "$(anchors)/node0"
    refuses 1 anchor disk add "$store" data0 --role data --size 16M
    [[ ! -e $(image) && ! -e $(image).new ]]
    jq -e '.disks == []' "$store/deployment.json"
}

@test "An older image of a disk that was killed is refused, but for what came after the last anchor" {
    one_disk
    mounted
    keeps first
    cp "$(image)" "$machine/first.img"
    keeps second
    cp "$(image)" "$machine/second.img"
    killed
    # no checkpoint came between: to a reader it is a crash
    cp "$machine/first.img" "$(image)"
    mounted
    reads first
    unmounted
    cp "$machine/second.img" "$(image)"
    leaves_untouched 4 "data0.*older than its anchor.*$both_sides" mount "$store" "$mnt"
}

@test "With --anchor-every-sync there is no such window" {
    one_disk
    mounted --anchor-every-sync
    keeps first
    cp "$(image)" "$machine/first.img"
    keeps second
    cp "$(image)" "$machine/second.img"
    killed
    cp "$machine/first.img" "$(image)"
    leaves_untouched 4 "data0.*its log ends before its anchor.*$both_sides" mount "$store" "$mnt"
    cp "$machine/second.img" "$(image)"
    mounted
    reads second
}

@test "A copy that was written to elsewhere is forked" {
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

@test "A disk without an anchor is refused until it is adopted, which shows its state" {
    one_disk
    puts text
    rm "$(anchor)"
    leaves_untouched 4 'data0.*anchor.*none is known.*twofold adopt' mount "$store" "$mnt"
    leaves_untouched 2 '--yes' adopt "$store" data0
    does adopt "$store" data0 --yes
    grep -qE 'disk data0  state: mount 1, superblock [0-9]+, epoch [0-9]+, written .*, unmounted' <<<"$output"
    run ! events rollback-accepted
    mounted
    reads text
}

@test "The anchor of another disk, or one that was changed, is refused until it is adopted over" {
    one_disk
    a_disk data1
    puts text
    cp "$(anchor)" "$machine/kept"
    cp "$(anchor data1)" "$(anchor)"
    leaves_untouched 4 'data0.*anchor' mount "$store" "$mnt"
    cp "$machine/kept" "$(anchor)"
    flip "$(anchor)" 40
    leaves_untouched 4 'data0.*anchor.*MAC' mount "$store" "$mnt"
    truncate -s 100 "$(anchor)"
    leaves_untouched 4 'data0.*anchor.*100 bytes' mount "$store" "$mnt"
    leaves_untouched 4 'data0.*anchor.*100 bytes' adopt "$store" data0 --yes
    does adopt "$store" data0 --accept-rollback --yes
    mounted
    reads text
}

@test "A store from another machine is adopted with the anchors of its disks" {
    one_disk
    a_disk data1
    puts text
    rm -r "$TWOFOLD_STATE"
    leaves_untouched 4 adopt mount "$store" "$mnt"
    does adopt "$store" --yes
    [[ -s $(anchor data0) && -s $(anchor data1) ]]
    mounted
    reads text
}

@test "Adopting what agrees with its anchor leaves the anchor alone, mounted or not" {
    one_disk
    puts text
    local before
    before=$(sha256sum <"$(anchor)")
    does adopt "$store" --yes --accept-rollback
    [[ $(sha256sum <"$(anchor)") == "$before" ]]
    run ! events rollback-accepted
    mounted
    does adopt "$store" --yes
    rm "$(anchor)"
    refuses 5 'data0.*in use' adopt "$store" --yes
}

@test "Inspect shows what an older image holds, and that it is older" {
    one_disk
    puts older-text
    cp "$(image)" "$machine/backup.img"
    puts newer
    cp "$machine/backup.img" "$(image)"
    local before
    before=$(fingerprint "$store" "$TWOFOLD_STATE")
    run --separate-stderr twofold inspect "$store" data0
    [[ $status -eq 4 ]]
    grep -q 'Authentic, but: older than its anchor' <<<"$output"
    grep -q 'older-text' <<<"$output"
    run --separate-stderr twofold inspect "$store" data0 --json
    [[ $status -eq 4 ]]
    jq -e '.verified == false and (.problem | test("older than its anchor"))' <<<"$output"
    [[ $(fingerprint "$store" "$TWOFOLD_STATE") == "$before" ]]
}

@test "No anchor can be told: no mount begins, a running one goes on and says since when" {
    one_disk
    puts first
    mv "$(anchors)/node0" "$machine/away"
    touch "$(anchors)/node0"
    local before
    before=$(sha256sum <"$(image)")
    refuses 1 'data0.*anchor' mount "$store" "$mnt"
    [[ $(sha256sum <"$(image)") == "$before" ]]
    rm "$(anchors)/node0"
    mv "$machine/away" "$(anchors)/node0"

    mounted --anchor-every-sync
    mv "$(anchors)/node0" "$machine/away"
    touch "$(anchors)/node0"
    keeps second
    is_behind() { twofold status "$store" --json | jq -e '.disks[0].anchorBehindSince'; }
    eventually is_behind
    does status "$store"
    grep -q 'ALERT: disk data0: anchor not brought up to date.*since' <<<"$output"
    events anchor-behind
    reads second
    keeps third
    rm "$(anchors)/node0"
    mv "$machine/away" "$(anchors)/node0"
    is_current() { ! is_behind; }
    eventually is_current
    events anchor-restored
    does status "$store"
    run ! grep -q ALERT <<<"$output"

    # and at the end a warning: the image is whole, and the next mount takes it as it is
    mv "$(anchors)/node0" "$machine/away"
    touch "$(anchors)/node0"
    does umount "$mnt"
    grep -q 'warning: disk data0: its anchor is behind since' <<<"$stderr"
    rm "$(anchors)/node0"
    mv "$machine/away" "$(anchors)/node0"
    [[ $(anchor_state) == 2 ]]
    mounted
    reads third
    unmounted
    [[ $(anchor_state) == 1 ]]
}
