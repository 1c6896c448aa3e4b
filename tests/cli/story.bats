# What the documents promise, word by word.

load helper

@test "The demo of the README works" {
    needs_root
    cd "$machine"
    rm -rf "$store" "$files"  # the demo makes its own
    sed -n '/^## A demo/,/^[^ #]/s/^    //p' "$root/README.md" >demo
    [[ $(wc -l <demo) == 5 ]]
    bash -euo pipefail demo
    mountpoint -q files
    cp -r /usr/include/linux files/
    does detach files
}
