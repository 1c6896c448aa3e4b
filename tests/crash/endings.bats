# How a mount ends by a signal, and that no image has two writers while it lasts.

load ../cli/helper

unsynced() { pattern "$1" $((2 << 20)) | dd of="$mnt/data0.img" bs=64K conv=notrunc status=none; }
holds() { cmp -n $((2 << 20)) <(pattern "$1" $((2 << 20))) "$mnt/data0.img"; }
gone() { ! kill -0 "$1" 2>/dev/null; }

# A mount in the foreground, as $pid.
foreground() {
    # a background process of a script ignores SIGINT unless it is told not to
    env --default-signal=INT,HUP twofold mount "$store" "$mnt" --foreground "$@" 3>&- &
    pid=$!
    does wait "$store" --for mounted --timeout 20s
}

@test "D3_EachStoppingSignalCommitsUnmountsAndExitsWithZero" {
    a_store
    local signal times
    for signal in TERM INT HUP; do
        for times in 1 2; do
            foreground
            unsynced "$signal $times"
            kill -s "$signal" "$pid"
            ((times == 1)) || kill -s "$signal" "$pid" || true  # the second does not cut the commit
            wait "$pid"
            run ! mountpoint -q "$mnt"
            [[ $(tail -n 1 "$store/events.jsonl" | jq -r '.event + (.error // "")') == unmounted ]]
            mounted
            holds "$signal $times"
            unmounted
        done
    done
    does check "$store"
}

@test "D3_ASignalEndsAMountWhoseFilesAreOpenAndKeepsWhatWasWritten" {
    a_store
    mounted
    local pid
    pid=$(daemon)
    exec {held}<>"$mnt/data0.img"
    unsynced open
    kill -TERM "$pid"
    eventually gone "$pid"
    run ! dd bs=4096 count=1 of=/dev/null status=none <&"$held"
    exec {held}>&-
    mounted
    holds open
}

@test "D3_AClosedTerminalEndsAMountInTheForegroundWithEverythingOnDisk" {
    a_store
    script -qec "twofold mount '$store' '$mnt' --foreground" /dev/null </dev/null >/dev/null 2>&1 3>&- &
    local terminal=$! pid
    does wait "$store" --for mounted --timeout 20s
    pid=$(daemon)
    unsynced terminal
    kill -KILL "$terminal"  # with it goes the terminal
    eventually gone "$pid"
    wait "$terminal" || true
    [[ $(tail -n 1 "$store/events.jsonl" | jq -r '.event + (.error // "")') == unmounted ]]
    mounted
    holds terminal
}

@test "D3_AMountWhoseOutputNobodyReadsServesOnAndEndsWell" {
    a_store
    mkfifo "$machine/out"
    twofold mount "$store" "$mnt" --foreground >"$machine/out" 2>&1 3>&- &
    local pid=$!
    head -c 0 <"$machine/out"
    does wait "$store" --for mounted --timeout 20s
    unsynced pipe
    rotate_key
    does rotate "$store"
    kill -PIPE "$pid"
    holds pipe
    does umount "$mnt"
    wait "$pid"
    mounted
    holds pipe
}

# ---- One writer ----

# In a mount namespace with a runtime directory of its own, where nothing but the lock on the image
# itself can tell that there is a writer.
elsewhere() {
    # shellcheck disable=SC2016  # the inner shell expands it
    run --separate-stderr unshare --mount bash -c 'mount -t tmpfs none /run && shift && exec "$@"' - - twofold "$@"
}
is_busy() { [[ $status -eq 5 && ${#stderr_lines[@]} -eq 1 ]] || { echo "exit $status: $stderr"; return 1; }; }

@test "R3_ASecondWriterIsRefusedWhicheverWayItComes" {
    needs_root  # namespaces and bind mounts
    a_store
    mounted
    unsynced first
    mkdir "$machine/mnt2" "$machine/bound"

    refuses 5 'mounted' mount "$store" "$machine/mnt2"  # the same path
    ln -s "$store" "$machine/link"
    refuses 5 'mounted' mount "$machine/link" "$machine/mnt2"
    mount --bind "$store" "$machine/bound"
    run --separate-stderr twofold mount "$machine/bound" "$machine/mnt2"
    is_busy
    umount "$machine/bound"

    elsewhere mount "$store" "$machine/mnt2"
    is_busy
    # Over the store a bind mount of a copy, into which the image is linked: another directory and
    # another name, but the same file.
    mkdir "$machine/copy"
    cp -a "$store/." "$machine/copy/"
    ln -f "$(image)" "$machine/copy/disks/node0/data0.img"
    [[ $(stat -c %h "$(image)") == 2 ]]
    # shellcheck disable=SC2016  # the inner shell expands it
    run --separate-stderr unshare --mount bash -c 'mount -t tmpfs none /run && mount --bind "$1" "$2" && exec twofold mount "$2" "$3"' \
        - "$machine/copy" "$store" "$machine/mnt2"
    is_busy
    grep -q data0 <<<"$stderr"

    run ! mountpoint -q "$machine/mnt2"
    [[ $(daemons_of "$machine" | wc -l) == 1 ]]
    holds first
    unmounted
    does check "$store"
}

@test "R3_TheLockDiesWithItsProcess" {
    needs_root  # namespaces
    a_store
    mounted
    elsewhere mount "$store" "$machine/files"
    is_busy
    local pid
    pid=$(daemon)
    kill -KILL "$pid"
    eventually gone "$pid"
    elsewhere mount "$store" "$machine/files"
    [[ $status -eq 0 ]] || { echo "$stderr"; return 1; }
    refuses 5 '' mount "$store" "$mnt"  # and now we are the second
}
