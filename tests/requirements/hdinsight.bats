# HDInsight double encryption. Each test is named by its requirement and goes through a real mount
# and a real vault directory. What an image is sealed with is read from the image itself, by offsets
# of the format, so that the program is not asked to vouch for itself.

load ../cli/helper

# Keyset record 0 of header copy A, section 4 of the format.
layers_in() { number_at "$(image "$1")" 257 1; }  # bit 0: layer 1, bit 1: layer 2
suites_in() { echo "$(number_at "$(image "$1")" 258 1) $(number_at "$(image "$1")" 259 1)"; }
dek_id_in() { xxd -s $((256 + $2 * 16)) -l 16 -p "$(image "$1")"; }  # LAYER 1: at 16, LAYER 2: at 32

one=1 two=2 both=3

writes_and_reads() {  # through the mount, and after a remount
    local disk
    mounted
    for disk in "$@"; do pattern "$disk" 65536 | dd of="$mnt/$disk.img" conv=notrunc status=none; done
    unmounted
    mounted
    for disk in "$@"; do cmp -n 65536 <(pattern "$disk" 65536) "$mnt/$disk.img"; done
    unmounted
    for disk in "$@"; do
        run -1 grep -qUaF "$(pattern "$disk" 4096 | tr -cd '[:print:]' | head -c 8)" "$(image "$disk")"
    done
}

without_customer_key() {
    does create "$store" --profile hdinsight --cluster-type kafka "$@"
}

@test "H1 the role of a disk decides which layers it has" {
    a_cloud
    a_deployment
    a_disk os0 os
    a_disk data0 data
    a_disk temp0 temp
    [[ $(layers_in os0) == "$one" ]]
    [[ $(layers_in data0) == "$both" ]]
    [[ $(layers_in temp0) == "$both" ]]
    writes_and_reads os0 data0 temp0
}

@test "H2 layer 1 is there without asking on OS and data disks" {
    without_customer_key
    a_disk os0 os
    a_disk data0 data
    [[ $(layers_in os0) == "$one" && $(layers_in data0) == "$one" ]]
    writes_and_reads os0 data0
}

@test "H3 host encryption gives temp disks layer 1, only when asked for at creation" {
    a_cloud
    does create "$store" --profile hdinsight --cluster-type kafka \
        --encryption-vault-uri "$uri" --encryption-key-name "$key" --assign-identity "$identity"
    a_disk temp0 temp
    [[ $(layers_in temp0) == "$two" ]]
    writes_and_reads temp0

    store=$machine/store-eah
    without_customer_key --encryption-at-host true
    a_disk temp0 temp
    [[ $(layers_in temp0) == "$one" ]]
    writes_and_reads temp0
}

@test "H4 layer 2 is for data and temp disks, off by default, and needs a key and an authorised identity" {
    without_customer_key
    a_disk data0 data
    [[ $(layers_in data0) == "$one" ]]

    store=$machine/store2
    a_vault
    a_key
    does identity create stranger
    refuses 3 'Forbidden|permission' create "$store" --profile hdinsight --cluster-type kafka \
        --encryption-vault-uri "$uri" --encryption-key-name "$key" --assign-identity stranger
    refuses 6 'identity' create "$store" --profile hdinsight --cluster-type kafka \
        --encryption-vault-uri "$uri" --encryption-key-name "$key"
    [[ ! -e $store ]]
    an_identity
    a_deployment
    a_disk data0 data
    a_disk temp0 temp
    [[ $(layers_in data0) == "$both" && $(layers_in temp0) == "$both" ]]
    writes_and_reads data0 temp0
}

@test "H6 an OS disk never gets the customer's layer, and status warns of it" {
    a_cloud
    a_deployment
    a_disk os0 os
    a_disk data0 data
    [[ $(layers_in os0) == "$one" ]]
    does status "$store"
    grep -qiE 'os0.*(one layer|layer 1 only)|sensitive' <<<"$output$stderr"
    writes_and_reads os0
}

@test "H8 one data key serves data and temp disks, wrapped by one key version" {
    a_cloud
    a_deployment
    a_disk data0 data
    a_disk data1 data
    a_disk temp0 temp
    [[ $(dek_id_in data0 2) =~ ^[0-9a-f]{32}$ && $(dek_id_in data0 2) != 00000000000000000000000000000000 ]]
    [[ $(dek_id_in data0 2) == "$(dek_id_in data1 2)" && $(dek_id_in data0 2) == "$(dek_id_in temp0 2)" ]]
    [[ $(dek_id_in data0 1) != "$(dek_id_in data0 2)" ]]
    [[ $(ls "$store/keyring") == $'layer1\nlayer2' ]]
    local disk version
    version=$(newest_version)
    for disk in data0 data1 temp0; do  # the envelope of layer 2: sector 5 of each header copy
        tail -c +$((5 * 4096 + 1)) "$(image "$disk")" | head -c 4096 | grep -qaF "$vault.vault.azure.net/keys/$key/$version"
    done
    writes_and_reads data0 data1 temp0
    # the disks differ all the same: equal plaintext, no equal block
    mounted
    for disk in data0 data1; do pattern same 65536 | dd of="$mnt/$disk.img" conv=notrunc status=none; done
    unmounted
    run ! cmp -s <(tail -c +$(($(slot_of_block 0 data0) + 1)) "$(image data0)" | head -c 4096) \
        <(tail -c +$(($(slot_of_block 0 data1) + 1)) "$(image data1)" | head -c 4096)
}

@test "H12 each missing permission of the identity is named" {
    a_vault
    a_key
    does identity create "$identity"
    local missing keys secrets
    for missing in get wrapKey unwrapKey; do
        keys=$(printf '%s\n' get wrapKey unwrapKey | grep -vx "$missing")
        # shellcheck disable=SC2086  # words
        does vault set-policy "$vault" --object-id "$(object_id_of "$identity")" --key-permissions $keys --secret-permissions get set delete
        refuses 3 "\\b$missing\\b" create "$store" --profile hdinsight --cluster-type kafka --encryption-at-host true \
            --encryption-vault-uri "$uri" --encryption-key-name "$key" --assign-identity "$identity"
        [[ ! -e $store ]]
    done
    for missing in get set delete; do
        secrets=$(printf '%s\n' get set delete | grep -vx "$missing")
        # shellcheck disable=SC2086
        does vault set-policy "$vault" --object-id "$(object_id_of "$identity")" --key-permissions get wrapKey unwrapKey --secret-permissions $secrets
        refuses 3 "\\b$missing\\b" create "$store" --profile hdinsight --cluster-type kafka --encryption-at-host true \
            --encryption-vault-uri "$uri" --encryption-key-name "$key" --assign-identity "$identity"
        grep -qi secret <<<"$stderr"
        [[ ! -e $store ]]
    done
    allow
    a_deployment
    a_disk
    writes_and_reads data0
}

@test "H13 keys are RSA and named with or without a version" {
    a_cloud
    run ! twofold key create --vault-name "$vault" --name ec --kty EC
    local version
    version=$(newest_version)
    a_deployment
    a_disk
    writes_and_reads data0
    store=$machine/store2
    a_deployment --encryption-key-version "$version"
    a_disk
    writes_and_reads data0
    store=$machine/store3
    refuses 2 'version' create "$store" --profile hdinsight --cluster-type kafka --assign-identity "$identity" \
        --encryption-vault-uri "$uri" --encryption-key-name "$key" --encryption-key-version "${version}0"
}

@test "H14 a versionless key follows a new version by itself, a versioned one stays until told" {
    a_cloud
    local first second
    first=$(newest_version)
    a_deployment
    a_disk
    mounted
    rotate_key
    second=$(newest_version)
    does wait "$store" --for "kek=$second" --timeout 100s
    unmounted

    store=$machine/pinned
    a_deployment --encryption-key-version "$first"
    a_disk
    mounted
    refuses 7 '' wait "$store" --for "kek=$second" --timeout 3s
    does wait "$store" --for "kek=$first" --timeout 5s
    does rotate "$store" --encryption-key-version "$second"
    does wait "$store" --for "kek=$second" --timeout 20s
    unmounted
}

@test "H15 rotation needs the current and the new key, and without either nothing changes" {
    a_store
    local first second
    first=$(newest_version)
    rotate_key
    second=$(newest_version)

    disable "$second"
    leaves_untouched 3 'KeyDisabled' rotate "$store" --encryption-key-version "$second"
    enable "$second"
    disable "$first"
    leaves_untouched 3 'KeyDisabled' rotate "$store" --encryption-key-version "$second"
    enable "$first"
    does vault set-policy "$vault" --object-id "$(object_id_of "$identity")" --key-permissions get unwrapKey --secret-permissions get set delete
    leaves_untouched 3 'wrapKey' rotate "$store" --encryption-key-version "$second"
    allow

    mounted
    disable "$first"
    refuses 3 'KeyDisabled' rotate "$store" --encryption-key-version "$second"
    enable "$first"
    does wait "$store" --for "kek=$first" --timeout 20s
    does rotate "$store" --encryption-key-version "$second"
    does wait "$store" --for "kek=$second" --timeout 20s
    unmounted
    disable "$first"
    mounted
}

@test "H19 a deleted key is recovered and the deployment regains access without a restart" {
    a_store
    mounted
    local pid
    pid=$(daemon)
    pattern before 65536 | dd of="$mnt/data0.img" conv=notrunc,fsync status=none
    does key delete --vault-name "$vault" --name "$key"
    refuses 3 'KeyNotFound' rotate "$store"
    does wait "$store" --for key=unavailable --timeout 100s
    pattern meanwhile 65536 | dd of="$mnt/data0.img" bs=65536 seek=1 conv=notrunc,fsync status=none
    does key recover --vault-name "$vault" --name "$key"
    does wait "$store" --for key=available --timeout 100s
    [[ $(daemon) == "$pid" ]]
    rotate_key
    does rotate "$store"
    does wait "$store" --for "kek=$(newest_version)" --timeout 20s
    cmp -n 131072 <(pattern before 65536; pattern meanwhile 65536) "$mnt/data0.img"
    unmounted
    mounted
    cmp -n 131072 <(pattern before 65536; pattern meanwhile 65536) "$mnt/data0.img"
}
