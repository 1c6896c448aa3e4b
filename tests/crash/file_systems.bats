# ext4, xfs and btrfs on a loop device on a disk, at work while the daemon is killed under them. Then
# the order to clear is umount, losetup -d, fusermount3 -u; the next mount is the plain command, the
# file system replays its journal, its own checker finds nothing, and what was synced is there.
#
# TWOFOLD_ROUNDS=n: so many kills in each test (1); TWOFOLD_SEED: of the work and of the moments.

load ../cli/helper

rounds=${TWOFOLD_ROUNDS:-1}
RANDOM=${TWOFOLD_SEED:-$((SRANDOM % 32768))}
seed=$RANDOM

setup() {
    needs_root
    fresh_machine
    echo "seed $seed"
    RANDOM=$seed
    a_cloud
    a_deployment
    a_disk data0 data 384M  # xfs takes no less than 300 MiB
}

# ---- The work ----

# copies [ROUND]: trees and commits, each synced and then noted, until something fails.
copies() {
    local n=0 round=$1
    while ((n += 1)); do
        local tree=$files/tree$round.$n repo=$files/repo$round.$n
        mkdir "$tree" && cp -r "$root/base" "$root/fs" "$tree/" && sync -f "$files" || return 0
        echo "$tree" >"$machine/tree"
        git init -q "$repo" && cp -r "$root/base" "$repo/" && git -C "$repo" add -A &&
            git -C "$repo" -c user.name=t -c user.email=t@t commit -qm "$n" && sync -f "$files" || return 0
        echo "$repo $(git -C "$repo" rev-parse HEAD)" >"$machine/commit"
        ((n == 1)) || rm -rf "$files/tree$round.$((n - 1))" "$files/repo$round.$((n - 1))" || return 0
    done
} 3>&- >/dev/null 2>&1

# Starts the work, kills the daemon at some moment, and waits until the workers have seen it.
killed_at_work() {
    local round=$1
    rm -f "$machine/tree" "$machine/commit"
    copies "$round" &
    local copier=$!
    python3 "$root/tests/crash/file_worker.py" work "$files/work$round" "$machine/ledger" "$RANDOM" \
        >"$machine/worker" 2>&1 3>&- &
    local worker=$!
    sleep "$((RANDOM % 2)).$((200 + RANDOM % 800))"
    kill -KILL "$(daemon)"
    wait "$worker" || { cat "$machine/worker"; return 1; }
    wait "$copier" || true
    cat "$machine/worker"
}

# What asks a dead file system gets an answer: its cache or an error, but no silence.
nothing_hangs() {
    local code
    for command in "ls $files" "touch $files/new" "sync -f $files" "cat $files/tree*/fs/FORMAT.md" "df $files"; do
        code=0
        timeout --signal=KILL 20 bash -c "$command" >/dev/null 2>&1 || code=$?
        ((code < 124)) || { echo "$command: $code"; return 1; }
    done
    run ! timeout --signal=KILL 20 dd if=/dev/zero of="$files/new" bs=4k count=1 conv=fsync
    ((status < 124))
}

synced_files_are_there() {
    local tree repo commit
    python3 "$root/tests/crash/file_worker.py" verify "$files/work$1" "$machine/ledger"
    if [[ -s $machine/tree ]]; then
        tree=$(<"$machine/tree")
        # the copier may have begun to remove it, if it is not its last
        diff -r "$root/base" "$tree/base" || return 1
        diff -r "$root/fs" "$tree/fs" || return 1
    fi
    if [[ -s $machine/commit ]]; then
        read -r repo commit <"$machine/commit"
        git -C "$repo" fsck --strict
        git -C "$repo" cat-file -e "$commit^{tree}"
        [[ $(git -C "$repo" rev-parse HEAD) == "$commit" ]]
    fi
}

finds_nothing() {  # finds_nothing FILE-SYSTEM DEVICE: its own checker
    case $1 in
        ext4) e2fsck -fn "$2" ;;
        xfs) xfs_repair -n "$2" ;;
        btrfs) btrfs check --readonly "$2" ;;
    esac
}

# ---- By hand: the steps that an operator knows ----

loop_up() { loop=$(losetup --find --show --direct-io="$1" "$mnt/data0.img"); }
loop_down() { losetup -d "$loop"; }

survives_kills() {
    local type=$1 direct=$2 round
    mounted
    loop_up "$direct"
    [[ $(losetup --noheadings --output DIO "$loop" | tr -d ' ') == "$([[ $direct == on ]] && echo 1 || echo 0)" ]]
    "mkfs.$type" -q "$loop"
    mount "$loop" "$files"
    for ((round = 1; round <= rounds; round++)); do
        killed_at_work "$round"
        nothing_hangs
        umount "$files"
        loop_down
        fusermount3 -u "$mnt"
        mounted
        loop_up "$direct"
        mount "$loop" "$files"  # replays the journal
        umount "$files"
        finds_nothing "$type" "$loop"
        mount "$loop" "$files"
        synced_files_are_there "$round"
        rm -rf "${files:?}"/*
    done
    umount "$files"
    loop_down
    unmounted
    does check "$store"
}

@test "R2_Ext4OnALoopDeviceWithDirectIoSurvivesKills" {
    survives_kills ext4 on
}

@test "R2_Ext4OnALoopDeviceThroughThePageCacheSurvivesKills" {
    survives_kills ext4 off
}

@test "R2_XfsOnALoopDeviceWithDirectIoSurvivesKills" {
    survives_kills xfs on
}

@test "R2_XfsOnALoopDeviceThroughThePageCacheSurvivesKills" {
    survives_kills xfs off
}

@test "R2_BtrfsOnALoopDeviceWithDirectIoSurvivesKills" {
    survives_kills btrfs on
}

@test "R2_BtrfsOnALoopDeviceThroughThePageCacheSurvivesKills" {
    survives_kills btrfs off
}

# ---- By attach and detach ----

attached_survives_kills() {
    local type=$1 round
    does attach "$store" data0 "$files" --mkfs "$type"
    [[ $(findmnt -no FSTYPE "$files") == "$type" ]]
    for ((round = 1; round <= 2 * rounds; round++)); do
        killed_at_work "$round"
        nothing_hangs
        if ((round % 2 == 1)); then does detach "$files"; fi  # else attach alone has to cope
        does attach "$store" data0 "$files"
        synced_files_are_there "$round"
        rm -rf "${files:?}"/*
    done
    does detach "$files"
    [[ -z $(loops_below "$machine") && -z $(daemons_of "$machine") ]]
    does check "$store"
}

@test "R2_AttachedExt4SurvivesKillsAndDetachClearsUp" {
    attached_survives_kills ext4
}

@test "R2_AttachedXfsSurvivesKillsAndDetachClearsUp" {
    attached_survives_kills xfs
}

@test "R2_AttachedBtrfsSurvivesKillsAndDetachClearsUp" {
    attached_survives_kills btrfs
}


nobody_serves() { [[ -z $(daemon) ]]; }

# The path of the image goes with the dead mount, so that the loop device shows another.
@test "R2_DetachFreesTheLoopDeviceAfterTheNodeWasMountedElsewhere" {
    does attach "$store" data0 "$files" --mkfs ext4
    echo synced >"$files/file"
    sync -f "$files"
    kill -KILL "$(daemon)"
    eventually nobody_serves
    mounted
    local loop
    loop=$(findmnt -no SOURCE "$files")
    does detach "$files"
    run ! grep -qx "$loop" <(losetup --noheadings --raw --output NAME)
    does attach "$store" data0 "$files"
    [[ $(<"$files/file") == synced ]]
    does detach "$files"
}
