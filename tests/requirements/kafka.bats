# Kafka with the customer's own key.

load ../cli/helper

kafka_cloud() {  # the names of the article
    vault=myakv key=KEK1
    uri=https://$vault.vault.azure.net
    a_cloud
}

byok() { does create "$store" --profile kafka-byok --cluster-type kafka --assign-identity "$identity" "$@"; }

# A broker's log as Kafka lays it out: segments named by their base offset, an index beside each,
# records in batches that name producer, topic, key and value. Appends, syncs and rolls like one.
write_log() {  # DIRECTORY SEGMENTS
    local segment batch base=0
    mkdir -p "$1/payments-0"
    for ((segment = 0; segment < $2; segment++)); do
        local name
        name=$(printf '%s/payments-0/%020d' "$1" "$base")
        for ((batch = 0; batch < 64; batch++)); do
            printf 'offset=%d producer=teller-7 topic=payments key=account-%06d value={"iban":"DE02120300000000202051","amount":%d.00,"memo":"invoice %d of the second quarter"}\n' \
                "$base" $((base % 1000)) $((base * 37 % 9000)) "$base" >>"$name.log"
            base=$((base + 1))
        done
        printf '%08d%08d' "$segment" "$base" >"$name.index"
        sync "$name.log"
    done
}

@test "K1 the short form of a key identifier is understood" {
    kafka_cloud
    byok --encryption-key-name myakv.azure.com/KEK1/v1
    a_disk
    does status "$store" --json
    grep -q "https://myakv.vault.azure.net/keys/KEK1/$(newest_version)" <<<"$output"
    mounted
    pattern a 65536 | dd of="$mnt/data0.img" conv=notrunc,fsync status=none
    unmounted
    rotate_key
    does rotate "$store" --encryption-key-name myakv.azure.com/KEK1/v2
    mounted
    does wait "$store" --for "kek=$(newest_version)" --timeout 20s
    cmp -n 65536 <(pattern a 65536) "$mnt/data0.img"
}

@test "K3 no 16 bytes of a broker's log reach the store" {
    needs_root
    kafka_cloud
    byok --encryption-vault-uri "$uri" --encryption-key-name "$key" --encryption-key-version "$(newest_version)"
    a_disk data0 data 64M
    a_disk data1 data 64M  # where the replica goes
    mkdir "$machine/replica"
    does attach "$store" data0 "$files" --mkfs ext4
    does attach "$store" data1 "$machine/replica" --mkfs ext4
    write_log "$files" 12
    cp -r "$files/payments-0" "$machine/replica/"
    cat "$files"/payments-0/*.log >"$machine/plain"
    sync -f "$files" "$machine/replica"

    # Each 16 bytes of the log that lie in one line of it, wherever they begin.
    awk '{for (i = 1; i + 15 <= length($0); i++) print substr($0, i, 16)}' "$machine/plain" | LC_ALL=C sort -u >"$machine/needles"
    (($(wc -l <"$machine/needles") > 10000))
    LC_ALL=C grep -qaFf "$machine/needles" "$machine/plain"  # the search finds what is there
    run -1 env LC_ALL=C grep -raFlf "$machine/needles" "$store"
    does detach "$files"
    does detach "$machine/replica"
    run -1 env LC_ALL=C grep -raFlf "$machine/needles" "$store"
    run -1 grep -raEl 'payments-0|teller-7' "$store"
}

@test "K7 an unmodified program works on an encrypted and an unencrypted disk side by side" {
    needs_root
    kafka_cloud
    byok --encryption-vault-uri "$uri" --encryption-key-name "$key" --encryption-key-version "$(newest_version)"
    a_disk data0 data 64M
    does attach "$store" data0 "$files" --mkfs ext4
    local plain=$machine/unencrypted
    mkdir "$plain"
    truncate -s 64M "$machine/plain.img"
    mkfs.ext4 -q "$machine/plain.img"
    mount -o loop "$machine/plain.img" "$plain"
    local place
    for place in "$files" "$plain"; do
        write_log "$place" 4
        git init -q "$place/repo"
        cp -r /usr/include/linux "$place/repo/"
        git -C "$place/repo" add .
        git -C "$place/repo" -c user.name=t -c user.email=t@example.org commit -q --date=2020-01-01T00:00:00Z -m all
        git -C "$place/repo" fsck --strict
    done
    diff -r "$files/payments-0" "$plain/payments-0"
    [[ $(git -C "$files/repo" rev-parse 'HEAD^{tree}') == $(git -C "$plain/repo" rev-parse 'HEAD^{tree}') ]]
    umount "$plain"
    does detach "$files"
}
