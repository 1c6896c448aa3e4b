# qemu's tools take a mounted disk for the raw image that it is.

load ../cli/helper

setup() {
    fresh_machine
    a_store
    pattern a $((5 << 20)) >"$machine/raw"
    truncate -s 16M "$machine/raw"
    pattern b $((1 << 20)) | dd of="$machine/raw" bs=1M seek=12 conv=notrunc status=none
    qemu-img convert -f raw -O qcow2 "$machine/raw" "$machine/in.qcow2"
    disk=$mnt/data0.img
}

same() { qemu-img compare -f raw -F raw "$machine/raw" "$disk"; }

@test "X13_QemuImgWritesADiskAndReadsItBack" {
    local cache
    mounted
    [[ $(qemu-img info -f raw --output=json "$disk" | jq '."virtual-size"') == $((16 << 20)) ]]
    for cache in writeback none directsync unsafe; do
        dd if=/dev/urandom of="$disk" bs=1M count=16 conv=notrunc status=none
        run ! same
        qemu-img convert -n -t "$cache" -f qcow2 -O raw "$machine/in.qcow2" "$disk"
        qemu-img compare -f qcow2 -F raw "$machine/in.qcow2" "$disk"
        cmp "$machine/raw" "$disk"
    done
    unmounted
    mounted
    same
    for cache in writeback none; do
        qemu-img convert -T "$cache" -f raw -O qcow2 "$disk" "$machine/out.qcow2"
        qemu-img check -f qcow2 "$machine/out.qcow2"
        qemu-img compare -f qcow2 -F qcow2 "$machine/in.qcow2" "$machine/out.qcow2"
    done
    unmounted
    does check "$store"
}

@test "X13_QemuImgSeesTheHolesOfADiskWithoutAWriteBackCache" {
    mounted -o no_writeback_cache
    qemu-img convert -n -f qcow2 -O raw "$machine/in.qcow2" "$disk"
    same
    local map
    map=$(qemu-img map -f raw --output=json "$disk")
    echo "$map"
    jq -e 'map(.length) | add == 16777216' <<<"$map"
    jq -e 'map(select(.data) | .length) | add == 6 * 1048576' <<<"$map"
    unmounted
}

@test "X13_QemuIoWritesDiscardsZeroesAndFlushes" {
    local cache
    for cache in writeback none; do
        mounted
        qemu-io -f raw -t "$cache" -d unmap -c 'write -P 0x5a 0 4M' -c 'flush' -c 'discard 1M 1M' -c 'write -z 2M 64k' \
            -c 'aio_write -P 0x66 3M 256k' -c 'aio_write -P 0x67 3328k 4k' -c 'aio_flush' -c 'read -P 0x5a 0 1M' "$disk" >"$machine/io"
        run ! grep -iE 'error|fail|pattern' "$machine/io"
        unmounted
        mounted
        qemu-io -r -f raw -c 'read -P 0x5a 0 1M' -c 'read -P 0 1M 1M' -c 'read -P 0 2M 64k' -c 'read -P 0x5a 2112k 960k' \
            -c 'read -P 0x66 3M 256k' -c 'read -P 0x67 3328k 4k' -c 'read -P 0x5a 3332k 764k' "$disk" >"$machine/io"
        run ! grep -iE 'error|fail|pattern' "$machine/io"
        [[ $(grep -c '^read ' "$machine/io") == 7 ]]
        unmounted
    done
}
