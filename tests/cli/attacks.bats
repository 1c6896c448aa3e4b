# Malformed images and records through the program itself: damage_image makes a real store's image
# malformed inside a sound shell, as only a holder of every key could.

load helper

# A store whose disk holds the pattern, and everything as it is then.
sound_store() {
    a_store
    mounted
    pattern a $((1 << 20)) | dd of="$mnt/data0.img" bs=1M conv=notrunc status=none
    unmounted
    mkdir "$machine/kept"
    cp -a --sparse=always "$store" "$TWOFOLD_CLOUD" "$TWOFOLD_STATE" "$machine/kept"
}

# Image and anchor back to that time.
rewind() {
    rm -r "$store" "$TWOFOLD_CLOUD" "$TWOFOLD_STATE"
    cp -a --sparse=always "$machine"/kept/* "$machine"
}

damaged() {  # damaged CASE
    rewind
    "${TWOFOLD_BUILD:-$root/build/dev}/tests/damaged/damage_image" "$TWOFOLD_CLOUD" "$store" "$(image)" "$1"
}

# never_crashes COMMAND...: whatever it says, it ends by itself with an exit code of ours.
never_crashes() {
    run --separate-stderr timeout 60 twofold "$@"
    [[ $status -le 7 ]] || explain "exit $status" "$@"
}

@test "Malformed images: exit code, one line, nothing written, and check and inspect end well" {
    sound_store
    local case code text count=0
    while read -r case code text; do
        damaged "$case"
        leaves_untouched "$code" "data0.*$text" mount "$store" "$mnt"
        run ! mountpoint -q "$mnt"
        never_crashes check "$store"
        [[ $status -ne 0 ]] || explain "$case: check finds nothing" check
        never_crashes inspect "$store" data0
        count=$((count + 1))
    done <<'END'
file-of-0 4 .
file-of-589824 4 .
file-ends-before-slots 4 cut short
file-of-zeros 4 not a twofold disk image
header-version-2 1 format 2
header-block-size-8192 1 blocks of 8192
header-max-segments-8000000000000000 4 shape is impossible
header-offset-data-fffffffffffff000 4 offset of a region
header-label-escape 4 label is impossible
header-sha-inverted 4 both copies are damaged
header-mac-2-missing 4 MAC is wrong
keyset-two-active 4 2 active
keyset-xts-alone 1 not a possible disk
keyset-dropped-layer-2 4 not those noted
envelope-noise 4 no sound envelope
superblock-generation-ffffffffffffffff 4 generation is impossible
superblock-blocks-past-the-file 4 cut short
superblock-migration-to-nothing 4 migration is impossible
pool-unsorted 4 out of order
log-sequence-ffffffffffffffff 4 counter is impossible
log-range-of-2^63 4 impossible range
END
    [[ $count -eq 21 ]]
}

@test "H and O: a record that asks for another algorithm, a foreign vault or nothing sensible asks nobody" {
    sound_store
    local case byte count=0
    for case in of-rsa1_5 of-rsa-oaep-sha1 of-a-foreign-vault of-no-https with-a-member-more with-a-member-twice \
        nested of-noise cut; do
        damaged "record-$case"
        # The store's own keyring holds the key, too, and serves. What must not be is other data, or a
        # request that the record asked for.
        does mount "$store" "$mnt"
        cmp -n $((1 << 20)) <(pattern a $((1 << 20))) "$mnt/data0.img"
        unmounted
        # Without it the record is all there is.
        damaged "record-$case"
        for byte in 100 200 300; do flip "$store/keyring/layer2" "$byte"; done
        run --separate-stderr twofold mount "$store" "$mnt"
        [[ $status -eq 1 || $status -eq 3 || $status -eq 4 ]] || explain "$case, without a keyring: exit $status" mount
        grep -qE '^twofold: disk data0: ' <<<"${stderr_lines[-1]}" || explain "$case: names no disk" mount
        run ! mountpoint -q "$mnt"
        run ! grep -rqE 'attacker-kv|RSA1_5' "$TWOFOLD_CLOUD" "$TWOFOLD_STATE"
        count=$((count + 1))
    done
    [[ $count -eq 9 ]]
}

@test "L: a key of one's own in the store's keyring before a disk is added" {
    a_store
    does create "$machine/other" --profile hdinsight --cluster-type kafka --encryption-at-host true \
        --encryption-vault-uri "$uri" --encryption-key-name "$key" --assign-identity "$identity"
    cp "$machine/other/keyring/layer2" "$store/keyring/layer2"
    leaves_untouched 4 'layer 2|layer2|substituted|key' disk add "$store" data1 --role data --size 16M
    [[ ! -e $(image data1) ]]
}

@test "M: a deployment file that names another vault" {
    a_store
    does vault create other-kv --enable-purge-protection
    sed -i "s/$vault/other-kv/" "$store/deployment.json"
    leaves_untouched 4 'vault|noted' mount "$store" "$mnt"
}

@test "An image truncated, replaced or unlinked under its mount: EIO or the data, and no crash" {
    sound_store
    local how pid
    for how in truncated replaced unlinked; do
        rewind
        mounted
        pid=$(daemon)
        case $how in
            truncated) truncate -s 1M "$(image)" ;;
            replaced)
                cp --sparse=always "$machine/kept/store/disks/node0/data0.img" "$machine/new.img"
                mv "$machine/new.img" "$(image)"
                ;;
            unlinked) rm "$(image)" ;;
        esac
        head -c $((1 << 20)) "$mnt/data0.img" >"$machine/read" 2>/dev/null || true
        cmp -n "$(stat -c %s "$machine/read")" <(pattern a $((1 << 20))) "$machine/read"
        dd if=/dev/zero of="$mnt/data0.img" bs=4K count=8 conv=notrunc,fsync status=none 2>/dev/null || true
        kill -0 "$pid"
        run --separate-stderr timeout 60 twofold umount "$mnt"
        [[ $status -le 7 ]] || explain "$how: exit $status" umount
        eventually bash -c "! kill -0 $pid 2>/dev/null"
        run ! mountpoint -q "$mnt"
    done
}
