# Secrets of a vault that is a directory.

load helper

a_secret() { does secret set --vault-name "$vault" --name "${1:-db}" --file - <<<"${2:-hunter2-hunter2}"; }
value() { twofold secret show --vault-name "$vault" --name "${1:-db}" --json "${@:2}" | jq -er .value; }

@test "A secret is set from standard input, a file or the command line, and shown as it was" {
    a_vault
    does secret set --vault-name "$vault" --name in <<<'from stdin'
    [[ $(value in) == 'from stdin' ]]
    printf 'first "line"\nsecond\\\tline' >"$files/value"
    does secret set --vault-name "$vault" --name file --file "$files/value" --content-type text/plain
    [[ $(value file) == "$(cat "$files/value")" ]]
    does secret set --vault-name "$vault" --name value --value 'from the command line'
    [[ $(value value) == 'from the command line' ]]
    does secret show --vault-name "$vault" --name file
    grep -q '^content type text/plain$' <<<"$output"
    [[ $output == *$'\nvalue first "line"\nsecond\\\tline' ]]
}

@test "Setting prints everything but the value" {
    a_vault
    a_secret
    [[ $output != *hunter2* && $stderr != *hunter2* ]]
    does secret set --vault-name "$vault" --name db --json <<<hunter2-hunter2
    [[ $output != *hunter2* ]]
    [[ $(jq -r .id <<<"$output") =~ ^https://contoso-kv\.vault\.azure\.net/secrets/db/[0-9a-f]{32}$ ]]
    [[ $(jq -r 'has("value")' <<<"$output") == false ]]
    does secret list --vault-name "$vault"
    [[ $output != *hunter2* ]]
    does -vv secret list-versions --vault-name "$vault" --name db --json
    [[ $output != *hunter2* && $stderr != *hunter2* ]]
}

@test "Values lie sealed, readable by their owner alone, and are in no log" {
    a_vault
    a_secret
    value
    [[ -z $(find "$TWOFOLD_CLOUD" -type f -perm /077) ]]
    run -1 grep -rlaE "hunter2|$(printf hunter2-hunter2 | base64 | cut -c 1-16)" "$TWOFOLD_CLOUD"
    grep -q '"SecretGet"' "$TWOFOLD_CLOUD/vaults/$vault/audit.jsonl"
}

@test "Each set is a version, and an older one is shown when it is named" {
    a_vault
    a_secret db one
    a_secret db two
    [[ $(value db) == two ]]
    [[ $(value db --version v1) == one ]]
    does secret list-versions --vault-name "$vault" --name db --json
    [[ $(jq length <<<"$output") == 2 ]]
    [[ $(value db --version "$(jq -r '.[0].id | split("/")[-1]' <<<"$output")") == one ]]
}

@test "A disabled secret is not shown" {
    a_vault
    a_secret
    does secret set-attributes --vault-name "$vault" --name db --enabled false
    refuses 3 'SecretDisabled' secret show --vault-name "$vault" --name db
    does secret list --vault-name "$vault"
    grep -q disabled <<<"$output"
    does secret set-attributes --vault-name "$vault" --name db --enabled true
    [[ $(value) == hunter2-hunter2 ]]
}

@test "A deleted secret is gone, its name reserved, and recovery brings all versions back" {
    a_vault
    a_secret db one
    a_secret db two
    does secret delete --vault-name "$vault" --name db
    refuses 3 'SecretNotFound.*recover' secret show --vault-name "$vault" --name db
    refuses 1 'Conflict' secret set --vault-name "$vault" --name db --value three
    does secret list --deleted --vault-name "$vault" --json
    [[ $(jq -r '.[0].recoveryId' <<<"$output") == "$uri/deletedsecrets/db" ]]
    does secret show --deleted --vault-name "$vault" --name db --json
    [[ $(jq -r 'has("value")' <<<"$output") == false ]]
    refuses 6 'purge protection' secret purge --vault-name "$vault" --name db
    does secret recover --vault-name "$vault" --name db
    [[ $(value db --version v1) == one && $(value db) == two ]]
}

@test "Without purge protection a deleted secret can be purged and its name used again" {
    does vault create weak-kv
    does secret set --vault-name weak-kv --name db --value one
    does secret delete --vault-name weak-kv --name db
    does secret purge --vault-name weak-kv --name db
    does secret list --deleted --vault-name weak-kv --json
    [[ $(jq length <<<"$output") == 0 ]]
    does secret set --vault-name weak-kv --name db --value two
}

@test "An identity does with secrets what its policy allows" {
    a_vault
    a_secret
    does identity create app
    refuses 3 'ForbiddenByPolicy.*--secret-permissions get' secret show --vault-name "$vault" --name db --as app
    does vault set-policy "$vault" --object-id "$(object_id_of app)" --secret-permissions get
    does secret show --vault-name "$vault" --name db --as app
    refuses 3 'lacks the secret permission set' secret set --vault-name "$vault" --name db --as app --value x
    refuses 3 'lacks the secret permission list' secret list --vault-name "$vault" --as app
}

@test "Bad values and names are refused without being repeated" {
    a_vault
    refuses 1 'BadParameter' secret set --vault-name "$vault" --name bad_name --value hunter2
    [[ $stderr != *hunter2* ]]
    refuses 1 'empty' secret set --vault-name "$vault" --name db --value ''
    head -c 25601 /dev/zero | tr '\0' x >"$files/long"
    refuses 1 '25600' secret set --vault-name "$vault" --name db --file "$files/long"
    run --separate-stderr twofold secret set --vault-name "$vault" --name db <"$files/long"
    [[ $status -eq 1 && $stderr == *BadParameter* ]]
    refuses 1 'UTF-8' secret set --vault-name "$vault" --name db --value $'hunter2\xff'
    [[ $stderr != *hunter2* ]]
    refuses 1 'not found|No such file' secret set --vault-name "$vault" --name db --file "$files/nosuch"
    refuses 2 'value' secret set --vault-name "$vault" --name db --file "$files/long" --value x
    does secret list --vault-name "$vault" --json
    [[ $(jq length <<<"$output") == 0 ]]
}
