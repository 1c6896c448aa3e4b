# Where keys are and where they are not (fault model, section 9), from outside: the memory of a real
# daemon, its core, and everything that it and the commands write. What is searched for is derived
# by tests/secrets/known_secrets.cpp, which no program that is shipped contains.

load ../cli/helper

setup() {
    fresh_machine
    tools=${TWOFOLD_BUILD:-$root/build/dev}/tests/secrets
    secrets=$machine/known.secrets outputs=$machine/outputs
    mkdir "$outputs"
}

# One disk of two layers, one of one layer, both written and read, so that every key is in use.
a_busy_mount() {  # a_busy_mount [LAUNCHER]
    a_store
    a_disk os0 os
    "${@}" twofold -vv mount "$store" "$mnt" >"$outputs/mount.out" 2>"$outputs/mount.err"
    local disk
    for disk in data0 os0; do
        pattern "$disk" 2M | dd of="$mnt/$disk.img" bs=1M conv=notrunc,fsync status=none
        cmp -n 2097152 "$mnt/$disk.img" <(pattern "$disk" 2M)
        dd if="$mnt/$disk.img" iflag=direct bs=1M count=2 status=none | cmp - <(pattern "$disk" 2M)
    done
    pid=$(daemon)
    know_the_secrets
}

know_the_secrets() {
    "$tools/known_secrets" "$TWOFOLD_CLOUD" "$store" >"$secrets"
    # 2 DEKs; of data0: 2 layers with 4 keys beside the data keys (3: XTS has two) and their round
    # keys (2 x 52), an epoch's key, the volume secret and its 7; of os0: 4, 1 with 52, the epoch's
    # with 52, and 8; and 16 and 24 pieces of 32 bytes of each vault's private exponent, 8 and 12 of
    # the five other numbers, a master secret each.
    local count
    count=$(grep -c . "$secrets")
    echo "# $count secrets are searched for" >&3
    [[ $count -eq $((2 + 8 + 3 + 104 + 1 + 8 + 4 + 53 + 53 + 8 + 16 + 24 + 5 * 20 + 2)) ]]
}

memory_of() { "$tools/find_secrets" memory "$1" <"$secrets" >"$machine/found"; }
found() { grep -E "^$1 " "$machine/found"; }

# locked NAME...: each of them was found in locked memory.
locked() {
    local name
    for name in "$@"; do
        found "locked disk-$name raw" >/dev/null || { echo "not in memory at all: $name"; return 1; }
    done
}

@test "S the keys of a mounted daemon are in locked memory that no dump has, and nowhere else" {
    a_busy_mount "$tools/without_secret_files"
    memory_of "$pid" || { found elsewhere; return 1; }
    tail -n 1 "$machine/found" >&3
    local volume use
    for volume in data0.img-keyset1 os0.img-keyset1; do
        for use in log node root pool super anchor nonce; do locked "$volume-volume-$use"; done
        locked "$volume-layer1-"{data,header,envelope}
    done
    locked data0.img-keyset1-layer1-data-{round2,round14,inverse1,inverse13,tweak,tweak-round2,tweak-round14} \
        data0.img-keyset1-layer2-{data,header,envelope} \
        os0.img-keyset1-layer1-data-{round2,round14,epoch,epoch-round2,epoch-round14}
    # Derived from and forgotten, or never there for longer than a request.
    run ! found 'locked (dek[12]|disk-.*-(prk|wrap|volume)|kek-.*|master-.*)'
    # The mapping is what it is said to be.
    [[ $(found locked | sed 's/.* in //' | sort -u | wc -l) -eq 1 ]]
    found locked | head -n 1 | grep -qE ' rw-[sp] .*\([^)]*\blo\b.*\bdd\b|\bdd\b.*\blo\b'
}

@test "S the search finds a copy that is planted in the daemon's ordinary memory" {
    a_busy_mount "$tools/without_secret_files"
    memory_of "$pid"
    local address
    address=$("$tools/find_secrets" plant "$pid" <"$secrets")
    run -1 "$tools/find_secrets" memory "$pid" <"$secrets"
    [[ $(grep -c '^elsewhere' <<<"$output") -eq 1 ]]
    grep -q "^elsewhere dek1 raw $address in .*\[heap\]" <<<"$output"
    "$tools/find_secrets" unplant "$pid" "$address" <"$secrets"
    memory_of "$pid"
}

@test "S when the daemon ends, no key is left in its memory, locked or not" {
    a_busy_mount "$tools/without_secret_files"
    memory_of "$pid"
    (($(found locked | wc -l) > 0))
    "$tools/find_secrets" exit "$pid" <"$secrets" >"$machine/at-exit" &
    local search=$!
    eventually grep -q '^waiting' "$machine/at-exit"
    unmounted
    wait "$search" || { cat "$machine/at-exit"; return 1; }
    tail -n 1 "$machine/at-exit" >&3
    grep -qE '^searched [1-9][0-9]{3,} KiB .* 0 locked, 0 elsewhere' "$machine/at-exit"
    eventually gone "$pid"
}

@test "S a daemon that is ended by a signal leaves no key either" {
    a_busy_mount "$tools/without_secret_files"
    "$tools/find_secrets" exit "$pid" <"$secrets" >"$machine/at-exit" &
    local search=$!
    eventually grep -q '^waiting' "$machine/at-exit"
    kill -TERM "$pid"
    wait "$search" || { cat "$machine/at-exit"; return 1; }
    grep -q ' 0 locked, 0 elsewhere' "$machine/at-exit"
}

@test "S where the kernel has secret memory files, not even root can read a key from outside" {
    a_busy_mount
    memory_of "$pid"
    grep '^unreadable .*secretmem' "$machine/found" || skip "the kernel has none"
    run ! found locked
    grep -qE '^searched [0-9]{5,} KiB .* 0 locked, 0 elsewhere' "$machine/found"
    grep -qE '^unreadable .*secretmem.*\([^)]*\bdd\b' "$machine/found"
}

@test "S a core file of the daemon holds no key" {
    a_busy_mount "$tools/without_secret_files"
    run gcore -o "$machine/core" "$pid"
    local core=$machine/core.$pid
    [[ -s $core ]]
    "$tools/find_secrets" files "$core" <"$secrets"
    # It is a core of the daemon: what is no secret is there.
    grep -qaF "$store" "$core"
    grep -qaF "$(jq -r .id "$store/deployment.json" | xxd -r -p | head -c 4 | od -An -tx1 | tr -d ' \n')" "$core"
}

# aborted PID: raises the limits that keep it from dumping, as only root can, and aborts it. Its
# core, if the kernel writes one, lies in its working directory.
aborted() {
    local directory
    directory=$(readlink "/proc/$1/cwd")
    prlimit --pid "$1" --core=unlimited
    kill -ABRT "$1"
    eventually gone "$1"
    find "$directory" -maxdepth 1 -type f -name 'core*' -newer "$machine/before"
}
gone() { ! kill -0 "$1" 2>/dev/null || [[ $(awk '/^State:/ {print $2}' "/proc/$1/status") == Z ]]; }

@test "S a daemon that is aborted dumps no core, whatever the limit" {
    [[ $(cat /proc/sys/kernel/core_pattern) != [/\|]* ]] || skip "cores go elsewhere here"
    touch "$machine/before"
    mkdir "$machine/there"
    (cd "$machine/there" && exec sleep 60) &
    local other=$!
    eventually grep -q sleep "/proc/$other/comm"
    [[ -n $(aborted "$other") ]]  # others do
    a_busy_mount
    [[ -z $(aborted "$pid") ]]
}

# ---- Everything that is written ----

saying() {  # saying COMMAND...: keeps what it says for the search
    twofold -vv "$@" >>"$outputs/stdout" 2>>"$outputs/stderr"
}
asked() { curl -sS --unix-socket "$1" "http://localhost/$2" >>"$outputs/answers"; }

@test "S no key is in any log, message, argument, environment, answer, event, store or vault file" {
    a_busy_mount
    local id runtime socket disk path
    id=$(jq -er .id "$store/deployment.json")
    runtime=/run/twofold/$id
    ((EUID == 0)) || runtime=$XDG_RUNTIME_DIR/twofold/$id
    socket=$(find "$runtime" -type s)
    for path in status alerts metrics; do asked "$socket" "$path"; done
    tr '\0' '\n' <"/proc/$pid/cmdline" >"$outputs/cmdline"
    tr '\0' '\n' <"/proc/$pid/environ" >"$outputs/environ"
    saying rotate "$store"
    saying status "$store"
    for disk in data0 os0; do
        saying --json inspect "$store" "$disk"
        saying inspect "$store" "$disk" --layer 1 --offset 0 --length 4096
        saying --json disk show "$store" "$disk"
    done
    saying --json status "$store"
    saying --json disk list "$store"
    saying --json vault show "$vault"
    saying --json key show --vault-name "$vault" --name "$key"
    saying --json key list-versions --vault-name "$vault" --name "$key"
    saying --json secret list --vault-name "$vault"
    saying --json identity list
    disable "$(newest_version)"
    run ! saying rotate "$store"
    run ! saying mount "$store" "$machine/files"
    enable "$(newest_version)"
    unmounted
    saying check "$store"
    flip "$(image)" 5000
    run ! saying --json check "$store"
    saying mount "$store" "$mnt"  # one copy of the header is damaged: that is logged
    cat "$runtime/node0/log" >"$outputs/log"
    saying adopt "$store" data0 --yes
    unmounted
    for path in log answers stdout stderr cmdline environ; do
        [[ -s $outputs/$path ]] || { echo "nothing said: $path"; return 1; }
    done
    "$tools/find_secrets" files "$outputs" "$store" "$TWOFOLD_STATE" <"$secrets"
    # The master secrets lie in their files, and there alone.
    local kept
    mapfile -d '' kept < <(find "$TWOFOLD_CLOUD" -type f ! -name master-secret -print0)
    "$tools/find_secrets" files "${kept[@]}" <"$secrets"
    run -1 "$tools/find_secrets" files "$TWOFOLD_CLOUD" <"$secrets"
    [[ $(grep -c '^found' <<<"$output") -eq 2 ]]
}

@test "S the search of files finds a key in each form in which it may be written" {
    a_store
    know_one() { head -n 1 "$secrets"; }
    "$tools/known_secrets" "$TWOFOLD_CLOUD" "$store" >"$secrets"
    local hex
    hex=$(know_one | cut -d ' ' -f 2)
    mkdir "$files/below"
    xxd -r -p <<<"$hex" >"$files/below/raw"
    printf 'key=%s;' "$hex" >"$files/hex"
    printf 'key=%s;' "${hex^^}" >"$files/upper"
    xxd -r -p <<<"$hex" | base64 -w 0 >"$files/base64"
    { printf x; xxd -r -p <<<"$hex"; } | base64 -w 0 >"$files/base64-after-one"
    { printf xy; xxd -r -p <<<"$hex"; } | base64 -w 0 >"$files/base64-after-two"
    xxd -r -p <<<"$hex" | base64 -w 0 | tr '+/' '-_' >"$files/base64url"
    { head -c 1048570 /dev/zero; xxd -r -p <<<"$hex"; } >"$files/across-a-seam"
    run -1 "$tools/find_secrets" files "$files" <"$secrets"
    [[ $(grep -c '^found dek1 ' <<<"$output") -eq 8 ]]
    [[ $(grep '^found' <<<"$output" | sed 's/.* of //' | sort -u | wc -l) -eq 8 ]]
}
