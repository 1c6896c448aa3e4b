# Shared by the scripts and by tests/cli: what to say, and how to leave no mount behind.
# Sourced, never run. Everything here works with `set -euo pipefail`.

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# fuse_trouble: prints why FUSE cannot be used here, or nothing.
fuse_trouble() {
    if [[ ! -c /dev/fuse ]]; then
        echo "no /dev/fuse (load the module: modprobe fuse; in a container: --device /dev/fuse --cap-add SYS_ADMIN)"
    elif ((EUID == 0)) && ! : 2>/dev/null <>/dev/fuse; then
        echo "/dev/fuse cannot be opened (in a container: --device /dev/fuse --cap-add SYS_ADMIN)"
    elif ! command -v fusermount3 >/dev/null; then
        echo "no fusermount3 (package fuse3)"
    fi
}

# The directories whose mounts belong to DIR: itself, and the runtime directories of its deployments.
mount_roots_of() {
    local dir=$1 file id runtime
    echo "$dir"
    runtime=${XDG_RUNTIME_DIR:-/tmp/twofold-$EUID}
    [[ $runtime == /tmp/* ]] || runtime+=/twofold
    ((EUID != 0)) || runtime=/run/twofold
    while IFS= read -r file; do
        id=$(sed -n 's/.*"id" *: *"\([0-9a-f-]\{32,36\}\)".*/\1/p' "$file" | head -n 1)
        [[ -z $id || ! -d $runtime/$id ]] || echo "$runtime/$id"
    done < <(find "$dir" -xdev -name deployment.json -type f 2>/dev/null)
}

# Mount points at or below a directory, the deepest first.
mounts_below() {
    findmnt -rn -o TARGET | awk -v root="$1" '$0 == root || index($0, root "/") == 1' | sort -r
}

# Loop devices on files at or below a directory, mounted or not.
loops_below() {
    losetup --noheadings --raw --output NAME,BACK-FILE 2>/dev/null |
        awk -v root="$1" 'index($2, root "/") == 1 {print $1}'
}

# Processes started from a twofold program, with an argument below a directory.
daemons_of() {
    local dir=$1 proc
    for proc in /proc/[0-9]*; do
        [[ $(readlink "$proc/exe" 2>/dev/null) == */twofold ]] || continue
        tr '\0' '\n' <"$proc/cmdline" 2>/dev/null | grep -qF -- "$dir" || continue
        echo "${proc#/proc/}"
    done
}

# release_mounts DIR: unmounts everything of DIR, detaches its loop devices, ends its daemons.
# Works whatever state a test or a killed daemon left behind; says nothing.
release_mounts() {
    local dir roots root target loop pid source
    dir=$(realpath -- "$1")
    roots=$(mount_roots_of "$dir")
    while IFS= read -r root; do       # file systems on loop devices first, then the disks below them
        while IFS= read -r loop; do
            while IFS= read -r target; do
                umount "$target" 2>/dev/null || umount -l "$target" 2>/dev/null || true
            done < <(findmnt -rn -o TARGET -S "$loop" || true)
            losetup -d "$loop" 2>/dev/null || true
        done < <(loops_below "$root")
        while IFS= read -r target; do
            source=$(findmnt -rn -o SOURCE "$target" || true)
            umount "$target" 2>/dev/null || fusermount3 -u "$target" 2>/dev/null ||
                umount -l "$target" 2>/dev/null || fusermount3 -uz "$target" 2>/dev/null || true
            # a loop device on a file whose mount is gone already has lost the file's path
            [[ $source != /dev/loop* ]] || losetup -d "$source" 2>/dev/null || true
        done < <(mounts_below "$root")
    done <<<"$roots"
    while IFS= read -r pid; do
        for _ in {1..50}; do          # a daemon whose mount is gone ends by itself: give it 5 s
            kill -0 "$pid" 2>/dev/null || continue 2
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    done < <(daemons_of "$dir")
    while IFS= read -r root; do
        [[ $root == "$dir" ]] || rm -rf --one-file-system -- "$root"
    done <<<"$roots"
}

# json_string NAME: the first string member of that name in the JSON on standard input. For scripts
# that must run before jq is installed.
json_string() { tr -d '\n' | grep -oE "\"$1\" *: *\"[^\"]*\"" | head -n 1 | sed 's/.*"\([^"]*\)"$/\1/'; }
