# Deployments and disks: what is made, and what is refused before anything is made.

load helper

disk_json() { twofold disk show "$store" "$1" --json; }

@test "Profiles are listed and shown" {
    does profile list
    for name in hdinsight kafka-byok azure-vm hpc-cache strict plain; do
        grep -qw -- "$name" <<<"$output"
    done
    does profile show hdinsight
    refuses 1 'no-such-profile' profile show no-such-profile
}

@test "A deployment is made with its store, and says what it is" {
    a_cloud
    a_deployment
    [[ -f $store/deployment.json && -f $store/events.jsonl ]]
    [[ -f $store/keyring/layer1 && -f $store/keyring/layer2 ]]
    does status "$store" --json
    jq -e . <<<"$output" >/dev/null
    [[ -z $(find "$store" "$TWOFOLD_STATE" -perm /077) ]]
}

@test "A deployment under the platform's key alone needs no cloud that was made before" {
    one_layer
    does disk add "$store" data0 --role data --size 16M
    does disk list "$store"
    grep -qw data0 <<<"$output"
}

@test "An existing store is not made again" {
    a_store
    leaves_untouched 1 'exists|not empty' create "$store" --profile azure-vm
}

@test "A store is not made in a directory that holds something" {
    mkdir "$store"
    echo mine >"$store/file"
    refuses 1 'not empty|exists' create "$store" --profile azure-vm
    [[ $(ls "$store") == file ]]
}

@test "A profile that does not exist is refused" {
    refuses 2 'profile' create "$store" --profile nonsense
    [[ ! -e $store ]]
}

@test "A deployment that is refused leaves nothing behind" {
    a_cloud
    leaves_untouched 3 'KeyNotFound' create "$store" --profile hdinsight --cluster-type kafka \
        --encryption-vault-uri "$uri" --encryption-key-name wrong --assign-identity "$identity"
    [[ ! -e $store ]]
    [[ -z $(find "$TWOFOLD_STATE" -type f 2>/dev/null) ]]
}

@test "A version is pinned, another one is used when asked for" {
    a_cloud
    local first
    first=$(newest_version)
    rotate_key
    a_deployment --encryption-key-version "$first"
    does status "$store" --json
    grep -q "$first" <<<"$output"
    run -1 grep -q "$(newest_version)" <<<"$output"
}

@test "Disks are listed in the order they were added, with role and size" {
    a_cloud
    a_deployment
    a_disk os0 os
    a_disk data0 data 32M
    a_disk temp0 temp
    does disk list "$store" --json
    [[ $(jq -c '[.[].name] | sort' <<<"$output") == '["data0","os0","temp0"]' ]]
    [[ $(disk_json data0 | jq -r .role) == data ]]
    [[ $(disk_json data0 | jq -r .size) == $((32 << 20)) ]]
}

@test "A disk's name is 1 to 64 of a-z 0-9 and hyphen" {
    one_layer
    local name
    for name in Data 'a b' '../x' a/b . '' 'a.img' "$(printf 'a%.0s' {1..65})"; do
        run --separate-stderr twofold disk add "$store" "$name" --role data --size 16M
        [[ $status -eq 1 || $status -eq 2 ]]
        [[ ${#stderr_lines[@]} -eq 1 ]]
    done
    [[ -z $(find "$machine" -name '*.img') ]]
    does disk add "$store" "$(printf 'a%.0s' {1..64})" --role data --size 1M
}

@test "A disk's name is taken once" {
    one_layer
    a_disk
    leaves_untouched 1 'data0' disk add "$store" data0 --role data --size 16M
}

@test "A disk's size is 1 MiB to 16 TiB in whole blocks" {
    one_layer
    local size
    for size in 0 4K 17T 16777217T 1048577; do
        run --separate-stderr twofold disk add "$store" bad --role data --size "$size"
        [[ $status -eq 1 || $status -eq 2 ]] || explain "exit $status for size $size" disk add
        [[ ${#stderr_lines[@]} -eq 1 ]]
    done
    for size in '' -1 1X ten 1e9 99999999999999999999; do
        refuses 2 '' disk add "$store" bad --role data --size="$size"
    done
    [[ -z $(find "$store/disks" -name '*.img') ]]
    does disk add "$store" small --role data --size 1M
    does disk add "$store" huge --role data --size 8T  # ext4 below ends at 16 TiB for the image
    (($(du -k "$(image huge)" | cut -f1) < 600000))  # sparse but for log, pool and tables
}

@test "A role that does not exist is refused" {
    one_layer
    refuses 2 'role' disk add "$store" d --role swap --size 16M
}

@test "A raw image that is missing or no regular file is refused" {
    one_layer
    leaves_untouched 1 'missing' disk add "$store" d --role data --from "$machine/missing"
    leaves_untouched 1 '' disk add "$store" d --role data --from "$machine"
}

@test "What is not a store is refused by every command" {
    mkdir "$machine/other"
    local command
    for command in status 'disk list' check; do
        # shellcheck disable=SC2086  # two words
        refuses 1 'store|deployment' $command "$machine/other"
        # shellcheck disable=SC2086
        refuses 1 '' $command "$machine/missing"
    done
    refuses 1 'store|deployment' mount "$machine/other" "$mnt"
    refuses 1 'store|deployment' disk add "$machine/other" d --role data --size 16M
}

@test "A store that this machine has no note of is refused" {
    a_store
    rm -rf "$TWOFOLD_STATE"
    refuses 4 'adopt|note|not known' mount "$store" "$mnt"
}
