# Vaults, keys and identities: a key vault that is a directory.

load helper

@test "A vault has soft delete and 90 days of retention unless told otherwise" {
    does vault create plain-kv
    does vault show plain-kv --json
    [[ $(jq -r '.properties.enableSoftDelete' <<<"$output") == true ]]
    [[ $(jq -r '.properties.softDeleteRetentionInDays' <<<"$output") == 90 ]]
    [[ $(jq -r '.properties.enablePurgeProtection // false' <<<"$output") == false ]]
}

@test "Purge protection and retention are as asked for" {
    does vault create strict-kv --enable-purge-protection --retention-days 7
    does vault show strict-kv --json
    [[ $(jq -r '.properties.enablePurgeProtection' <<<"$output") == true ]]
    [[ $(jq -r '.properties.softDeleteRetentionInDays' <<<"$output") == 7 ]]
}

@test "A vault's name is taken once" {
    does vault create one-kv
    refuses 1 'one-kv' vault create one-kv
    does vault list --json
    [[ $(jq -r 'map(.name) | join(" ")' <<<"$output") == one-kv ]]
}

@test "A vault's name has 3 to 24 letters, digits and single hyphens" {
    local name
    for name in ab a-very-long-name-for-a-vault a--b 'a_b' '../escape' 'a/b' platform; do
        run -1 --separate-stderr twofold vault create "$name"
    done
    [[ ! -e $machine/escape ]]
}

@test "A retention outside 7 to 90 days is refused" {
    refuses 1 'retention' vault create short-kv --retention-days 6
    refuses 1 'retention' vault create long-kv --retention-days 91
    refuses 1 'short-kv' vault show short-kv
}

@test "Purge protection without soft delete is refused" {
    refuses 1 'soft' vault create odd-kv --no-soft-delete --enable-purge-protection
}

@test "A key is made, shown and listed without its private part" {
    a_vault
    a_key
    does key show --vault-name "$vault" --name "$key" --json
    [[ $(jq -r '.key.kty' <<<"$output") == RSA ]]
    [[ $(jq -r '.key.kid' <<<"$output") =~ ^https://contoso-kv\.vault\.azure\.net/keys/kek1/[0-9a-f]{32}$ ]]
    [[ $(jq -r '.key | has("d") or has("p") or has("q")' <<<"$output") == false ]]
    [[ $(jq -r '.attributes.recoveryLevel' <<<"$output") == Recoverable ]]
    does key list --vault-name "$vault" --json
    [[ $(jq -r 'length' <<<"$output") == 1 ]]
}

@test "Keys have 2048, 3072 or 4096 bits, and are RSA" {
    a_vault
    local size
    for size in 2048 3072 4096; do
        does key create --vault-name "$vault" --name "k$size" --kty RSA --size "$size"
        does key show --vault-name "$vault" --name "k$size" --json
        # the modulus in base64url: 4 characters for 3 bytes
        [[ $(jq -r '.key.n | length' <<<"$output") == $(((size / 8 * 4 + 2) / 3)) ]]
    done
    refuses 1 'BadParameter' key create --vault-name "$vault" --name k1024 --kty RSA --size 1024
    refuses 1 'BadParameter|kty' key create --vault-name "$vault" --name ec --kty EC
}

@test "Private keys lie sealed, readable by their owner alone" {
    a_vault
    a_key
    [[ -z $(find "$TWOFOLD_CLOUD" -type f -perm /077) ]]
    [[ -z $(find "$TWOFOLD_CLOUD" -type d -perm /077) ]]
    run -1 grep -rlaE 'PRIVATE KEY|"d" *:|"p" *:|"dp" *:' "$TWOFOLD_CLOUD"
}

@test "Rotation makes a new version with new material and keeps the old one" {
    a_vault
    a_key
    local first second
    first=$(newest_version)
    does key show --vault-name "$vault" --name "$key" --json
    local modulus
    modulus=$(jq -r .key.n <<<"$output")
    rotate_key
    second=$(newest_version)
    [[ $first != "$second" ]]
    [[ $(versions) == "$first"$'\n'"$second" ]]
    does key show --vault-name "$vault" --name "$key" --json
    [[ $(jq -r .key.n <<<"$output") != "$modulus" ]]
    does key show --vault-name "$vault" --name "$key" --version "$first" --json
    [[ $(jq -r .key.n <<<"$output") == "$modulus" ]]
}

@test "A version is disabled and enabled without touching the others" {
    a_vault
    a_key
    local first
    first=$(newest_version)
    rotate_key
    disable "$first"
    does key list-versions --vault-name "$vault" --name "$key" --json
    [[ $(jq -c '[.[].attributes.enabled]' <<<"$output") == "[false,true]" ]]
    enable "$first"
    does key list-versions --vault-name "$vault" --name "$key" --json
    [[ $(jq -c '[.[].attributes.enabled]' <<<"$output") == "[true,true]" ]]
}

@test "A deleted key is gone, its name reserved, and recovery brings all versions back" {
    a_vault
    a_key
    rotate_key
    local before
    before=$(versions)
    does key delete --vault-name "$vault" --name "$key"
    refuses 3 'KeyNotFound' key show --vault-name "$vault" --name "$key"
    refuses 3 'KeyNotFound' key delete --vault-name "$vault" --name "$key"
    refuses 1 'Conflict.*recover|recover.*Conflict' key create --vault-name "$vault" --name "$key" --kty RSA
    does key list --deleted --vault-name "$vault" --json
    [[ $(jq -r 'length' <<<"$output") == 1 ]]
    does key recover --vault-name "$vault" --name "$key"
    [[ $(versions) == "$before" ]]
}

@test "An unknown vault or key has the vault's own error code" {
    refuses 3 'VaultNotFound|no such vault|not found' key show --vault-name nobody-kv --name k
    a_vault
    refuses 3 'KeyNotFound' key show --vault-name "$vault" --name nokey
    refuses 3 'KeyNotFound' key rotate --vault-name "$vault" --name nokey
}

@test "An identity is made, shown, listed and deleted" {
    does identity create app1
    does identity create app2
    [[ $(object_id_of app1) =~ ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]]
    [[ $(object_id_of app1) != "$(object_id_of app2)" ]]
    refuses 1 'app1' identity create app1
    does identity list --json
    [[ $(jq -r 'length' <<<"$output") == 2 ]]
    does identity delete app1
    does identity list --json
    [[ $(jq -r 'length' <<<"$output") == 1 ]]
}

@test "A policy names permissions that exist" {
    a_vault
    does identity create app
    refuses 2 'permission|wrapkeys' vault set-policy "$vault" --object-id "$(object_id_of app)" --key-permissions wrapkeys
}

@test "Changes by many processes at once are all kept" {
    a_vault
    a_key
    local i pids=()
    for i in 1 2 3 4; do
        twofold key rotate --vault-name "$vault" --name "$key" >/dev/null &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    [[ $(versions | sort -u | wc -l) == 5 ]]
}
