# Every bad input has its own one-line error and its exit code, and nothing on disk changes.

load helper

create_hdinsight() {  # with the options that are wrong
    echo create "$store" --profile hdinsight --cluster-type kafka --encryption-at-host true
}

# refused_creation CODE REGEX OPTIONS...: no store, no note, nothing new in the cloud.
refused_creation() {
    # shellcheck disable=SC2046  # words
    leaves_untouched "$1" "$2" $(create_hdinsight) "${@:3}"
    [[ ! -e $store ]]
}

@test "A wrong vault, key, version or identity at creation" {
    a_cloud
    refused_creation 3 'VaultNotFound|nobody-kv' --encryption-vault-uri https://nobody-kv.vault.azure.net --encryption-key-name "$key" --assign-identity "$identity"
    refused_creation 3 'KeyNotFound' --encryption-vault-uri "$uri" --encryption-key-name nokey --assign-identity "$identity"
    refused_creation 3 'KeyNotFound' --encryption-vault-uri "$uri" --encryption-key-name "$key" --encryption-key-version 00000000000000000000000000000000 --assign-identity "$identity"
    refused_creation 3 'identity|nobody' --encryption-vault-uri "$uri" --encryption-key-name "$key" --assign-identity nobody
}

@test "A missing key option at creation" {
    a_cloud
    refused_creation 2 'encryption-key-name' --encryption-vault-uri "$uri" --assign-identity "$identity"
    refused_creation 2 'encryption-vault-uri' --encryption-key-name "$key" --assign-identity "$identity"
    refused_creation 6 'identity' --encryption-vault-uri "$uri" --encryption-key-name "$key"
}

@test "A malformed vault address or version at creation" {
    a_cloud
    local bad
    for bad in 'http://contoso-kv.vault.azure.net' 'https://' 'contoso kv' 'https://contoso-kv.vault.azure.net/keys' 'https://a@contoso-kv.vault.azure.net'; do
        refused_creation 2 'vault' --encryption-vault-uri "$bad" --encryption-key-name "$key" --assign-identity "$identity"
    done
    for bad in xyz 1234 'v' '../../x'; do
        refused_creation 2 'version' --encryption-vault-uri "$uri" --encryption-key-name "$key" --encryption-key-version "$bad" --assign-identity "$identity"
    done
}

@test "A vault without soft delete" {
    does vault create soft-kv --no-soft-delete
    does key create --vault-name soft-kv --name k --kty RSA
    does identity create "$identity"
    does vault set-policy soft-kv --object-id "$(object_id_of "$identity")" \
        --key-permissions get wrapKey unwrapKey --secret-permissions get set delete
    refused_creation 6 'soft.?delete' --encryption-vault-uri https://soft-kv.vault.azure.net --encryption-key-name k --assign-identity "$identity"
}

@test "A disabled key at creation and at a mount" {
    a_store
    disable "$(newest_version)"
    leaves_untouched 3 'KeyDisabled.*(enable|set-attributes)' mount "$store" "$mnt"
    leaves_untouched 3 'KeyDisabled' disk add "$store" data1 --role data --size 16M
    run ! mountpoint -q "$mnt"
    rm -rf "$store"
    refused_creation 3 'KeyDisabled|disabled' --encryption-vault-uri "$uri" --encryption-key-name "$key" --assign-identity "$identity"
}

@test "A deleted key at a mount: exit 3 and how to recover it" {
    a_store
    does key delete --vault-name "$vault" --name "$key"
    leaves_untouched 3 "KeyNotFound.*twofold key recover.*$vault.*$key" mount "$store" "$mnt"
    does key recover --vault-name "$vault" --name "$key"
    mounted
}

@test "A permission that was taken away, an identity that was deleted, a vault that is gone" {
    a_store
    does vault set-policy "$vault" --object-id "$(object_id_of "$identity")" --key-permissions get wrapKey
    leaves_untouched 3 'Forbidden.*unwrapKey' mount "$store" "$mnt"
    allow
    mounted
    unmounted
    mv "$TWOFOLD_CLOUD/vaults" "$machine/vaults"
    leaves_untouched 3 "$vault" mount "$store" "$mnt"
    mv "$machine/vaults" "$TWOFOLD_CLOUD/vaults"
    does identity delete "$identity"
    leaves_untouched 3 'identity|Unauthorized' mount "$store" "$mnt"
}

@test "A cloud directory that is not there" {
    a_store
    mv "$TWOFOLD_CLOUD" "$machine/elsewhere"
    refuses 3 'cloud' mount "$store" "$mnt"
    [[ ! -e $TWOFOLD_CLOUD ]]
    does mount "$store" "$mnt" --cloud "$machine/elsewhere"
}

@test "A mount point that does not exist, is no directory, is not empty or is in use" {
    a_store
    leaves_untouched 1 'missing' mount "$store" "$machine/missing"
    echo >"$machine/file"
    leaves_untouched 1 'directory' mount "$store" "$machine/file"
    echo mine >"$files/mine"
    leaves_untouched 1 'empty' mount "$store" "$files"
    [[ $(cat "$files/mine") == mine ]]
    mounted
    cp -a "$store" "$machine/other"
    refuses 5 "$mnt" mount "$machine/other" "$mnt"
    does status "$store"
}

@test "A second mount of the same disk" {
    a_store
    mounted
    pattern a 65536 | dd of="$mnt/data0.img" conv=notrunc,fsync status=none
    refuses 5 'mounted|lock|use' mount "$store" "$files"
    run ! mountpoint -q "$files"
    ln -s "$store" "$machine/link"
    refuses 5 'mounted|lock|use' mount "$machine/link" "$files"
    cmp -n 65536 <(pattern a 65536) "$mnt/data0.img"
}

@test "Umount and detach of what is not mounted" {
    refuses 1 "$mnt|not mounted|no twofold mount" umount "$mnt"
    refuses 1 "$mnt|not|attached" detach "$mnt"
}

@test "A disk that does not exist" {
    a_store
    refuses 1 'nodisk' attach "$store" nodisk "$files"
    refuses 1 'nodisk' inspect "$store" nodisk
    refuses 1 'nodisk' check "$store" nodisk
    refuses 1 'nodisk' disk show "$store" nodisk
}

@test "Commands and options that do not exist" {
    refuses 2 'frobnicate|command' frobnicate
    refuses 2 '' mount
    refuses 2 '' mount "$store" "$mnt" --no-such-option
    refuses 2 '' create
    run -2 --separate-stderr twofold
}

@test "A deployment file that is no JSON, or has something else in it" {
    a_store
    local file=$store/deployment.json
    cp "$file" "$machine/kept"
    local bad
    for bad in '' '{' '[]' '{"id":1}' 'null' "$(head -c 100 "$file")"; do
        printf '%s' "$bad" >"$file"
        run --separate-stderr twofold mount "$store" "$mnt"
        [[ $status -eq 1 || $status -eq 4 ]] || explain "exit $status for '$bad'" mount
        [[ ${#stderr_lines[@]} -eq 1 ]]
        run ! mountpoint -q "$mnt"
    done
    cp "$machine/kept" "$file"
    mounted
}

@test "A deployment file that names another vault than the note" {
    a_store
    does vault create other-kv --enable-purge-protection
    sed -i "s/$vault/other-kv/g" "$store/deployment.json"
    leaves_untouched 4 'note|other-kv|differ' mount "$store" "$mnt"
}

@test "A deployment file whose key identifier is none" {
    a_store
    sed -i "s#https://$vault#http://$vault#" "$store/deployment.json"
    leaves_untouched 4 'deployment.json.*https' mount "$store" "$mnt"
}

@test "A deployment file that names another identity than the note" {
    a_store
    does identity create other-identity
    sed -i "s/$(object_id_of "$identity")/$(object_id_of other-identity)/" "$store/deployment.json"
    leaves_untouched 4 'identity.*differs' mount "$store" "$mnt"
}

@test "Symbolic links in place of the store's files are not followed" {
    a_store
    mv "$(image)" "$machine/elsewhere.img"
    ln -s "$machine/elsewhere.img" "$(image)"
    run --separate-stderr twofold mount "$store" "$mnt"
    [[ $status -eq 1 || $status -eq 4 ]]
    [[ ${#stderr_lines[@]} -eq 1 ]]
}
