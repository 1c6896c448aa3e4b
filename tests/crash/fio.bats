# fio writes with checksums, each write synced, until the daemon is killed; a second run verifies what
# the first had synced, by the state that it saved when its device went away. The state lies where
# fio runs: in the test's own directory.
#
# TWOFOLD_ROUNDS=n: so many kills (2); TWOFOLD_SEED: of the writes and of the moments.

load ../cli/helper

RANDOM=${TWOFOLD_SEED:-$((SRANDOM % 32768))}
seed=$RANDOM

fio_job() {  # fio_job SEED ARGUMENTS...: the same writes for the same seed
    fio --name=killed --filename="$mnt/data0.img" --size=16M --bsrange=4k-64k --rw=randwrite --randseed="$1" \
        --verify=crc32c --verify_fatal=1 --direct=1 --fsync=1 --ioengine=psync --output-format=json "${@:2}" 3>&-
}

verifies() { fio_job "$1" --verify_only=1 --verify_state_load=1 --verify_state_save=0 --output="$machine/fio/verified"; }

@test "R2_FioFindsAllThatItHadSyncedBeforeAKill" {
    echo "seed $seed"
    RANDOM=$seed
    a_store
    mkdir "$machine/fio"
    cd "$machine/fio"
    local round written verified total=0
    for ((round = 1; round <= ${TWOFOLD_ROUNDS:-2}; round++)); do
        mounted
        rm -f ./*.state
        fio_job "$((seed + round))" --do_verify=0 --loops=1000 --output=written 2>errors &
        local writer=$!
        sleep "$((RANDOM % 2)).$((300 + RANDOM % 700))"
        kill -KILL "$(daemon)"
        if wait "$writer"; then return 1; fi
        [[ -s local-killed-0-verify.state ]]
        mounted
        verifies "$((seed + round))"
        written=$(jq '.jobs[0].write.total_ios' written)
        verified=$(jq '.jobs[0].read.total_ios' verified)
        echo "round $round: $written writes, $verified verified"
        ((verified > 0))
        total=$((total + verified))
        unmounted
    done
    echo "$total writes verified"

    # and it would have told
    mounted
    dd if=/dev/zero of="$mnt/data0.img" bs=1M count=16 conv=notrunc,fsync status=none
    run ! verifies "$((seed + round - 1))"
}
