# What the source must not contain. Each check is shown to fail on a planted line first.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_DIRNAME/../.." || return 1
    planted=$(mktemp -d "${TMPDIR:-/tmp}/source-XXXXXX")
}

teardown() { rm -rf "$planted"; }

# excepted CHECK: drops the lines about files that `exceptions` names for this check.
excepted() {
    grep -vFf <(awk -v check="$1" '$1 == check {print $2 ":"}' tests/source/exceptions) || true
}

sources() { find "$@" -name '*.h' -o -name '*.cpp' | sort; }

# Calls that keep something, whichever library offers them, outside the seam. Names that methods of
# our own have too count only as calls of the global function.
persistent_calls() {
    local only_system='openat2?|creat|fopen|freopen|fdopen|mkstemp|mkostemp|pwritev?2?|writev|fallocate|posix_fallocate|ftruncate|fsync|fdatasync|sync_file_range|renameat2?|unlinkat|mkdirat|linkat|symlinkat|copy_file_range|sendfile'
    local also_ours='open|write|rename|unlink|mkdir|rmdir|link|symlink|truncate'
    # shellcheck disable=SC2046  # no file of ours has a blank in its name
    grep -nHP "\\b(std::)?(${only_system})\\s*\\(|(^|[^\\w>])::(${also_ours})\\s*\\(|\\bO_(RDWR|WRONLY|CREAT)\\b|std::([io]?fstream|filesystem)|(boost::filesystem|fs|bfs)::(remove|rename|create_director|create_symlink|resize|copy|ofstream|fstream|ifstream)" \
        $(sources "$@") | grep -vP '^[^:]+:\d+:\s*//' || true
}

revealing_lines() {
    # shellcheck disable=SC2046
    grep -nHE '\breveal\(\)' $(sources "$@") | grep -vP '^[^:]+:\d+:\s*//' || true
}

@test "Persistent I/O happens in base/io alone" {
    printf '%s\n' 'int fd = ::open(path, 0);' 'std::ofstream out(path);' '    fsync(fd);' 'return ::rename(a, b);' >"$planted/a.cpp"
    printf '%s\n' 'file->write(0, data);' 'Disk::open(path);' '// ::write(1)' >"$planted/b.cpp"
    [ "$(persistent_calls "$planted" | wc -l)" -eq 4 ]

    output=$(persistent_calls keyring fs tools base | grep -v '^base/io/' | excepted persistent-io)
    echo "$output"
    [ -z "$output" ]
}

@test "Key bytes are revealed under keyring alone" {
    echo 'use(secret.reveal());' >"$planted/a.cpp"
    [ "$(revealing_lines "$planted" | wc -l)" -eq 1 ]

    output=$(revealing_lines fs tools base | excepted reveal)
    echo "$output"
    [ -z "$output" ]
}

@test "Every exception is still needed" {
    while read -r check file _; do
        case $check in
            persistent-io) found=$(persistent_calls "$file") ;;
            reveal) found=$(revealing_lines "$file") ;;
            *) found= ;;
        esac
        [ -n "$found" ] || { echo "nothing to except: $check $file"; return 1; }
    done < <(grep -v '^#' tests/source/exceptions)
}

@test "No include goes against the map of the modules" {
    run scripts/show-layers --check
    echo "$output"
    [ "$status" -eq 0 ]
}

@test "Only fs/fuse knows libfuse" {
    run -1 grep -rnE 'fuse_lowlevel\.h|<fuse' --include='*.h' --include='*.cpp' base keyring fs/block fs/control fs/deployment fs/disk fs/profile fs/seal tools
}

@test "Nothing turns authentication or encryption off" {
    run -1 grep -rniE 'null_?(cipher|seal|suite)|no_?op_?(cipher|seal)|identity_?seal|plaintext_?seal' --include='*.h' --include='*.cpp' keyring fs tools
}

@test "Scripts are clean under shellcheck" {
    command -v shellcheck >/dev/null || skip "shellcheck is not installed"
    # shellcheck disable=SC2046
    run shellcheck -x .ci/run $(grep -rlE '^#!/usr/bin/env bash' scripts tests fixtures) scripts/lib.bash
    echo "$output"
    [ "$status" -eq 0 ]
}

# Lines of symbols and strings that tell of rules that can be broken.
traces_of_mutants() {
    { nm -C "$1" 2>/dev/null; strings "$1"; } | grep -cE 'broken_rule|broken\(|fs::Rule|Rule::' || true
}

@test "Nothing of the mutants is in what is shipped" {
    [ "$(traces_of_mutants "$TWOFOLD_BUILD/fs/disk/libtwofold_disk_mutants.a")" -gt 20 ]

    [ -s "$TWOFOLD_BUILD/bin/twofold" ]
    [ "$(traces_of_mutants "$TWOFOLD_BUILD/bin/twofold")" -eq 0 ]
    [ "$(traces_of_mutants "$TWOFOLD_BUILD/fs/disk/libtwofold_disk.a")" -eq 0 ]
    # One switch, in one library that only tests link.
    [ "$(grep -rl 'TWOFOLD_MUTANTS' base keyring fs tools cmake | sort | tr '\n' ' ')" = 'fs/disk/CMakeLists.txt fs/disk/rule.h ' ]
    [ -z "$(grep -rl 'disk_mutants' --include=CMakeLists.txt base keyring tools fs | grep -v '^fs/disk/')" ]
}
