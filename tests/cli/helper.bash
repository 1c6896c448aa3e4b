# The small language of the tests here. Each test gets a machine of its own: a cloud directory, a
# local state directory, a place for the store and mount points, all under $machine, and whatever
# it leaves mounted is gone afterwards.

bats_require_minimum_version 1.5.0
root=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
source "$root/scripts/lib.bash"
PATH=${TWOFOLD_BUILD:-$root/build/dev}/bin:$PATH

setup() { fresh_machine; }
teardown() { clean_machine; }

fresh_machine() {
    machine=$(mktemp -d "${TMPDIR:-/tmp}/tf-XXXXXX")
    export TWOFOLD_CLOUD=$machine/cloud TWOFOLD_STATE=$machine/state
    if ((EUID != 0)); then
        export XDG_RUNTIME_DIR=$machine/run
        mkdir -m 0700 "$XDG_RUNTIME_DIR"
    fi
    store=$machine/store mnt=$machine/mnt files=$machine/files
    mkdir "$mnt" "$files"
    vault=contoso-kv key=kek1 identity=cluster-identity
    uri=https://$vault.vault.azure.net
}

clean_machine() {
    release_mounts "$machine"
    rm -rf --one-file-system -- "$machine"
}

needs_root() { ((EUID == 0)) || skip "needs root: loop devices"; }

# does COMMAND...: twofold succeeds. Its output is $output and $stderr.
does() {
    run --separate-stderr twofold "$@"
    [[ $status -eq 0 ]] || explain "exit $status, expected 0" "$@"
}

# refuses CODE REGEX COMMAND...: twofold fails with this exit code and one line on standard error
# that the extended regular expression matches (without regard to case).
refuses() {
    local code=$1 regex=$2
    shift 2
    run --separate-stderr twofold "$@"
    [[ $status -eq $code ]] || explain "exit $status, expected $code" "$@"
    [[ ${#stderr_lines[@]} -eq 1 ]] || explain "${#stderr_lines[@]} lines on standard error, expected 1" "$@"
    grep -qiE -- "$regex" <<<"$stderr" || explain "message does not match '$regex'" "$@"
}

explain() {
    local problem=$1
    shift
    printf '%s: twofold %s\nstdout: %s\nstderr: %s\n' "$problem" "$*" "$output" "${stderr-}"
    return 1
}

# eventually COMMAND...: within 20 seconds. For what another process does in its own time.
eventually() {
    local deadline=$((SECONDS + 20))
    until "$@"; do
        ((SECONDS < deadline)) || { echo "never came true: $*"; return 1; }
        sleep 0.1
    done
}

# fingerprint DIR...: names, types, modes, sizes and contents of everything below. Left out is what
# may grow at a refusal: locks and the two journals (events of the store, audit of the vault).
fingerprint() {
    local dir
    for dir in "$@"; do
        [[ -e $dir ]] || { echo "$dir is not there"; continue; }
        (cd "$dir" && find . ! -name '*lock*' ! -name '*.jsonl' -printf '%p %y %m %s\n' | sed 's/^\(.* d [0-7]*\) [0-9]*$/\1/' | sort)
        (cd "$dir" && find . -type f ! -name '*lock*' ! -name '*.jsonl' -print0 | sort -z | xargs -0r sha256sum)
    done
}

# leaves_untouched CODE REGEX COMMAND...: refuses, and nothing that is kept has changed.
leaves_untouched() {
    local before after
    before=$(fingerprint "$store" "$TWOFOLD_CLOUD" "$TWOFOLD_STATE")
    refuses "$@"
    after=$(fingerprint "$store" "$TWOFOLD_CLOUD" "$TWOFOLD_STATE")
    [[ $before == "$after" ]] || {
        echo "changed by a refused command: ${*:3}"
        diff <(echo "$before") <(echo "$after")
    }
}

# ---- The cloud of the story ----

a_vault() { does vault create "${1:-$vault}" --enable-purge-protection "${@:2}"; }
a_key() { does key create --vault-name "$vault" --name "${1:-$key}" --kty RSA --size 2048; }

object_id_of() { twofold identity show "$1" --json | jq -er '.objectId // .principalId'; }

allow() {  # allow [IDENTITY]: what HDInsight asks for
    does vault set-policy "$vault" --object-id "$(object_id_of "${1:-$identity}")" \
        --key-permissions get wrapKey unwrapKey --secret-permissions get set delete
}

an_identity() {
    does identity create "${1:-$identity}"
    allow "${1:-$identity}"
}

a_cloud() {
    a_vault
    a_key
    an_identity
}

# a_deployment [OPTIONS...]: HDInsight's Kafka with both layers, under the newest version of the key.
a_deployment() {
    does create "$store" --profile hdinsight --cluster-type kafka --encryption-at-host true \
        --encryption-vault-uri "$uri" --encryption-key-name "$key" --assign-identity "$identity" "$@"
}

# A deployment under the platform's key alone: one layer, and no cloud to make before.
one_layer() { does create "$store" --profile azure-vm; }

a_disk() { does disk add "$store" "${1:-data0}" --role "${2:-data}" --size "${3:-16M}"; }

# The whole story's start: cloud, deployment and one disk of both layers.
a_store() {
    a_cloud
    a_deployment
    a_disk
}

# ---- Keys ----

versions() { twofold key list-versions --vault-name "$vault" --name "$key" --json | jq -er '.[] | .kid | split("/")[-1]'; }
newest_version() { twofold key show --vault-name "$vault" --name "$key" --json | jq -er '.key.kid | split("/")[-1]'; }
rotate_key() { does key rotate --vault-name "$vault" --name "$key"; }
disable() { does key set-attributes --vault-name "$vault" --name "$key" --version "$1" --enabled false; }
enable() { does key set-attributes --vault-name "$vault" --name "$key" --version "$1" --enabled true; }

# ---- Mounts ----

mounted() { does mount "$store" "$mnt" "$@"; }
unmounted() { does umount "$mnt"; }

# pid of the daemon that serves $mnt
daemon() { daemons_of "$machine" | head -n 1; }

# pattern SEED BYTES: bytes that can be told again.
pattern() { openssl enc -aes-128-ctr -nosalt -pass "pass:$1" -md sha256 </dev/zero 2>/dev/null | head -c "$2"; }

# ---- Damage ----

image() { echo "$store/disks/node0/${1:-data0}.img"; }
poke() { printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }  # FILE OFFSET BYTES
flip() {  # flip FILE OFFSET: inverts one bit
    local byte
    byte=$((16#$(xxd -s "$2" -l 1 -p "$1") ^ 1))
    poke "$1" "$2" "\\x$(printf %02x "$byte")"
}

# Little-endian integer of BYTES bytes at OFFSET of FILE.
number_at() { printf '%d' "0x$(xxd -s "$2" -l "$3" -p "$1" | fold -w2 | tac | tr -d '\n')"; }

# slot_of_block BLOCK [DISK]: where in the image the block's first version lies. A block that was
# never written owns slot R + block (format, section 3), and a first write takes the slot it owns.
slot_of_block() {
    local file slot
    file=$(image "${2:-data0}")
    slot=$(($(number_at "$file" 104 4) + $1))
    echo $(($(number_at "$file" 136 8) + slot / 7936 * (32 << 20) + (1 << 20) + slot % 7936 * 4096))
}
