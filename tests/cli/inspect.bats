# inspect and check: what is on disk, layer by layer, without changing it.

load helper

filled_store() {
    a_store
    mounted
    pattern a $((1 << 20)) | dd of="$mnt/data0.img" bs=1M conv=notrunc status=none
    unmounted
}

@test "Inspect shows the header's fields and which key opens the disk" {
    filled_store
    does inspect "$store" data0
    grep -q "$(newest_version)" <<<"$output"
    grep -qi 'XChaCha20-Poly1305' <<<"$output"
    grep -qi 'AES-256-XTS' <<<"$output"
}

@test "Inspect changes nothing, mounted or not" {
    filled_store
    local before
    before=$(fingerprint "$store" "$TWOFOLD_STATE")
    does inspect "$store" data0
    does inspect "$store" data0 --offset 0 --length 64
    [[ $(fingerprint "$store" "$TWOFOLD_STATE") == "$before" ]]
    mounted
    does inspect "$store" data0
}

@test "Inspect shows the bytes of each layer, and only the last is the plaintext" {
    filled_store
    local plain
    plain=$(pattern a 16 | xxd -p)
    local layer shown=()
    for layer in 0 1 2; do
        does inspect "$store" data0 --layer "$layer" --offset 0 --length 16 --json
        shown+=("$(jq -r '.bytes // .views[0].bytes' <<<"$output")")
    done
    [[ ${shown[2]} == "$plain" ]]
    [[ ${shown[0]} != "${shown[1]}" && ${shown[1]} != "$plain" && ${shown[0]} != "$plain" ]]
}

@test "Layer 0 is the bytes of the image file itself" {
    filled_store
    does inspect "$store" data0 --layer 0 --offset 4096 --length 16 --json
    local bytes
    bytes=$(jq -r '.bytes // .views[0].bytes' <<<"$output")
    cmp -n 16 <(xxd -r -p <<<"$bytes") <(tail -c +$(($(slot_of_block 1) + 1)) "$(image)")
}

@test "Inspect prints no secret" {
    filled_store
    does inspect "$store" data0 --json
    run -1 grep -iE '"(dek|key|secret)" *: *"[0-9a-f]{64}"' <<<"$output"
}

@test "Inspect decodes a damaged header as far as it can" {
    filled_store
    flip "$(image)" 30
    run --separate-stderr twofold inspect "$store" data0
    grep -qi 'damaged' <<<"$output$stderr"
}

@test "Check finds nothing wrong with a sound store, and changes nothing" {
    filled_store
    local before
    before=$(fingerprint "$store")
    does check "$store"
    does check "$store" data0
    [[ $(fingerprint "$store") == "$before" ]]
}

@test "Check names a damaged header copy, a damaged block and exits with 4" {
    filled_store
    flip "$(image)" 30
    refuses 4 '' check "$store" data0
    grep -qi header <<<"$output$stderr"
    flip "$(image)" 30
    flip "$(image)" "$(slot_of_block 3)"
    run --separate-stderr -4 twofold check "$store" data0
    grep -qiE 'block 3\b' <<<"$output$stderr"
}

@test "A mounted disk is not checked by a second program" {
    a_store
    mounted
    refuses 5 'mounted|use' check "$store"
}
