# What commands print, compared with fixtures/golden/*.out; ids, times and paths normalised.
# UPDATE_GOLDEN=1 writes the files anew: read the difference before you commit it.

load helper

# golden NAME: $output, normalised, is what fixtures/golden/NAME.out says.
golden() {
    local expected=$root/fixtures/golden/$1.out
    local actual=$machine/$1.out
    "$root/tests/cli/normalise" -v machine="$machine" <<<"$output" >"$actual"
    if [[ -n ${UPDATE_GOLDEN-} ]]; then
        mkdir -p "${expected%/*}"
        cp "$actual" "$expected"
    else
        diff -u "$expected" "$actual"
    fi
}

@test "The help of the program" {
    does --help
    golden help
}

@test "The help of each command, with an example" {
    local command
    for command in 'vault create' 'vault show' 'vault list' 'vault set-policy' \
        'key create' 'key show' 'key list' 'key list-versions' 'key rotate' 'key set-attributes' 'key delete' 'key recover' \
        'secret set' 'secret show' 'secret list' 'secret list-versions' 'secret set-attributes' 'secret delete' \
        'secret recover' 'secret purge' \
        'identity create' 'identity show' 'identity list' 'identity delete' 'profile list' 'profile show' \
        create 'disk add' 'disk list' 'disk show' mount umount attach detach status wait rotate inspect check adopt completion \
        'header backup' 'header restore'; do
        # shellcheck disable=SC2086  # two words
        does $command --help
        grep -q '^Example' <<<"$output" || explain "no example" "$command"
        golden "help-${command/ /-}"
    done
}

@test "Each command of the help has a recorded help of its own" {
    does --help
    local command
    while read -r command; do
        compgen -G "$root/fixtures/golden/help-$command*.out" >/dev/null || { echo "no record of: $command"; return 1; }
    done < <(sed -n '/^Subcommands:/,/^[^ ]/s/^  \([a-z]\{1,\}\) .*/\1/p' <<<"$output")
}

a_known_store() {
    a_cloud
    a_deployment
    a_disk os0 os
    a_disk data0 data
    a_disk temp0 temp
}

@test "Status of a deployment that is not mounted" {
    a_known_store
    does status "$store"
    golden status
}

@test "Inspect of a disk that was never written" {
    a_known_store
    does inspect "$store" data0
    golden inspect
}

@test "Inspect of a disk with one layer" {
    a_known_store
    does inspect "$store" os0
    golden inspect-one-layer
}

@test "The profile that the story uses" {
    does profile show hdinsight
    golden profile-hdinsight
}
