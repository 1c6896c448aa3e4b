# Anchors as secrets of the deployment's vault: how new a disk is, is known where neither the store
# nor this machine can change it.

load helper

# puts TEXT: into the disk, through the mount, synced.
puts() {
    mounted
    write_now "$1"
    unmounted
}
write_now() { printf '%s' "$1" | dd of="$mnt/data0.img" conv=notrunc,fsync status=none; }
reads() { [[ $(head -c "${#1}" "$mnt/data0.img") == "$1" ]]; }

# Enough commits to fill the disk's log, so that there is a checkpoint, which the anchor follows.
many_syncs() {
    python3 - "$mnt/data0.img" <<'EOF'
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
for i in range(400):
    os.pwrite(fd, b'%d' % i, 1 << 20)
    os.fsync(fd)
EOF
}

anchor_secrets() { twofold secret list --vault-name "${1:-$vault}" --json | jq -r '.[] | .name'; }
anchor_secret() { anchor_secrets | head -n 1; }
anchor_versions() { twofold secret list-versions --vault-name "$vault" --name "$(anchor_secret)" --json | jq length; }
status_of() { twofold status "$store" --json | jq -er "$1"; }
is_behind() { status_of '.disks[0].anchorBehindSince'; }
is_up_to_date() { status_of '.disks[0] | has("anchorBehindSince") | not'; }
secret_permissions() {
    does vault set-policy "$vault" --object-id "$(object_id_of "$identity")" --secret-permissions "$@"
}

@test "X10 a deployment with a vault of its own keeps its anchors there, and says so" {
    a_cloud
    a_deployment
    grep -q '^anchors  kept as secrets in vault contoso-kv$' <<<"$output"
    a_disk
    [[ $(anchor_secrets | wc -l) == 1 ]]
    [[ $(twofold secret list --vault-name "$vault" --json | jq -r '.[0].contentType') == 'twofold anchor of node0/data0' ]]
    [[ -z $(find "$TWOFOLD_STATE" -path '*anchors*' -type f) ]]
    [[ $(status_of .anchors) == 'vault contoso-kv' ]]
    does status "$store"
    grep -qx 'Anchors     vault contoso-kv' <<<"$output"
    grep -q '"anchors": "vault contoso-kv"\|"anchors":"vault contoso-kv"' "$store/events.jsonl"
}

@test "X10 without secret permissions, or without a vault, anchors are kept on this machine, and create says why" {
    a_cloud
    secret_permissions get delete
    does create "$store" --profile kafka-byok --cluster-type kafka --assign-identity "$identity" \
        --encryption-vault-uri "$uri" --encryption-key-name "$key" --encryption-key-version "$(newest_version)"
    grep -q "^anchors  kept in $TWOFOLD_STATE: identity $identity lacks secret permissions in vault $vault: set\$" <<<"$output"
    a_disk
    [[ -z $(anchor_secrets) ]]
    [[ $(find "$TWOFOLD_STATE" -path '*anchors*' -type f | wc -l) == 1 ]]
    secret_permissions get set  # granted later: what was noted stays
    puts text
    [[ -z $(anchor_secrets) ]]
    store=$machine/other
    one_layer
    grep -q "^anchors  kept in $TWOFOLD_STATE: the deployment has no vault of its own\$" <<<"$output"
    [[ $(status_of .anchors) == 'this machine' ]]
}

@test "X10 an older store beside an older local state is refused, until it is adopted" {
    a_store
    puts older
    cp -a "$store" "$machine/store.then"
    cp -a "$TWOFOLD_STATE" "$machine/state.then"
    puts newer
    rm -r "$store" "$TWOFOLD_STATE"
    cp -a "$machine/store.then" "$store"
    cp -a "$machine/state.then" "$TWOFOLD_STATE"
    leaves_untouched 4 'data0.*older than its anchor' mount "$store" "$mnt"
    rm -r "$TWOFOLD_STATE"  # another machine, which knows nothing
    refuses 4 'not known on this machine' mount "$store" "$mnt"
    leaves_untouched 4 'data0.*older than its anchor' adopt "$store" --yes
    does adopt "$store" --accept-rollback --yes
    grep -q '^anchors  kept as secrets in vault contoso-kv$' <<<"$output"
    mounted
    reads older
}

@test "X10 a vault that goes away does not stop a mount, and its anchor is brought up to date again" {
    a_store
    mounted
    write_now before
    mv "$TWOFOLD_CLOUD" "$machine/cloud.away"
    many_syncs
    write_now during
    eventually is_behind
    does status "$store"
    grep -qE '^ALERT: disk data0: anchor not brought up to date: .*\(since 2' <<<"$output"
    reads during
    [[ ! -e $TWOFOLD_CLOUD ]]
    mv "$machine/cloud.away" "$TWOFOLD_CLOUD"
    many_syncs
    eventually is_up_to_date
    unmounted
    [[ -z $stderr ]]
    mounted
    reads during
}

@test "X10 an unmount while the vault is away ends cleanly with a warning, and the next mount needs it back" {
    a_store
    mounted
    mv "$TWOFOLD_CLOUD" "$machine/cloud.away"
    write_now during
    unmounted
    grep -qE '^twofold: warning: disk data0: .*anchor' <<<"$stderr"
    refuses 3 'cloud directory' mount "$store" "$mnt"
    mv "$machine/cloud.away" "$TWOFOLD_CLOUD"
    mounted
    reads during
    unmounted
    [[ -z $stderr ]]
}

@test "X10 a withdrawn permission does not stop a mount, and refuses the next with the vault's code" {
    a_store
    mounted
    secret_permissions get
    write_now during
    unmounted
    grep -qE '^twofold: warning: disk data0: .*anchor.*ForbiddenByPolicy' <<<"$stderr"
    secret_permissions set
    leaves_untouched 3 'data0.*lacks the secret permission get.*ForbiddenByPolicy' mount "$store" "$mnt"
    secret_permissions get
    leaves_untouched 3 'data0.*lacks the secret permission set.*ForbiddenByPolicy' mount "$store" "$mnt"
    mounted --read-only
    reads during
    unmounted
    secret_permissions get set
    mounted
    reads during
}

@test "X10 an anchor that was deleted or disabled is not taken for one that never was" {
    a_store
    puts text
    local secret
    secret=$(anchor_secret)
    does secret set-attributes --vault-name "$vault" --name "$secret" --enabled false
    leaves_untouched 3 'data0.*SecretDisabled' mount "$store" "$mnt"
    does secret set-attributes --vault-name "$vault" --name "$secret" --enabled true
    does secret delete --vault-name "$vault" --name "$secret"
    leaves_untouched 3 'data0.*SecretNotFound.*twofold secret recover' mount "$store" "$mnt"
    does secret recover --vault-name "$vault" --name "$secret"
    mounted
    reads text
}

@test "X10 an older or foreign record in the vault is refused" {
    a_store
    puts older
    local secret older
    secret=$(anchor_secret)
    older=$(twofold secret show --vault-name "$vault" --name "$secret" --json | jq -er .value)
    puts newer
    does secret set --vault-name "$vault" --name "$secret" --value "$older"
    leaves_untouched 4 'data0' mount "$store" "$mnt"
    does secret set --vault-name "$vault" --name "$secret" --value 'hunter2'
    leaves_untouched 4 'data0.*anchor' mount "$store" "$mnt"
    does secret set --vault-name "$vault" --name "$secret" --value none  # forgotten
    leaves_untouched 4 'data0.*anchor.*adopt' mount "$store" "$mnt"
    does adopt "$store" data0 --yes
    mounted
    reads newer
}

@test "X10 a rotation to another vault leaves the anchors, and adopt moves them" {
    a_store
    puts older
    local old=$vault
    cp -a "$store/disks" "$machine/disks.then"
    does vault create fabrikam-kv --enable-purge-protection
    does key create --vault-name fabrikam-kv --name "$key"
    does vault set-policy fabrikam-kv --object-id "$(object_id_of "$identity")" \
        --key-permissions get wrapKey unwrapKey --secret-permissions get set
    does rotate "$store" --encryption-vault-uri https://fabrikam-kv.vault.azure.net --encryption-key-name "$key"
    grep -q '^The anchors stay in vault contoso-kv,.*twofold adopt' <<<"$output"
    [[ $(status_of .anchors) == 'vault contoso-kv' ]]
    puts newer
    [[ -z $(anchor_secrets fabrikam-kv) ]]
    mounted
    refuses 5 'data0' adopt "$store" --yes  # they do not move under a mount
    unmounted
    does adopt "$store" --yes
    grep -q 'where they move to from vault contoso-kv' <<<"$output"
    [[ $(status_of .anchors) == 'vault fabrikam-kv' ]]
    [[ $(twofold secret show --vault-name "$old" --name "$(anchor_secret)" --json | jq -r .value) == none ]]
    mv "$TWOFOLD_CLOUD/vaults/$old" "$machine/retired"
    mounted
    reads newer
    unmounted
    vault=fabrikam-kv
    rm -r "$store/disks"
    cp -a "$machine/disks.then" "$store/disks"
    refuses 4 'data0' mount "$store" "$mnt"
}

@test "X10 a machine that lost its vault for good gets away from it by an adoption that accepts it" {
    a_cloud
    a_deployment
    a_disk
    puts text
    does secret delete --vault-name "$vault" --name "$(anchor_secret)"
    secret_permissions delete
    refuses 3 'data0' mount "$store" "$mnt"
    refuses 3 'ForbiddenByPolicy' adopt "$store" --yes
    does adopt "$store" --yes --accept-rollback
    grep -q 'where they move to from vault contoso-kv' <<<"$output"
    [[ $(status_of .anchors) == 'this machine' ]]
    mounted
    reads text
}
