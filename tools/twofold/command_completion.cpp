#include <set>

#include "tools/twofold/command.h"
#include "tools/twofold/options.h"

// Completion scripts, generated from the tree of commands itself, so that they can't fall behind
// it.
namespace twofold::cli {
namespace {

using Words = std::vector<std::string>;

std::string joined(const Words& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

// "TEXT:{os,data,temp}": what CLI::IsMember makes of an option's type.
Words choices_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const auto open = type.find('{');
    const auto close = type.find('}', open);
    if (open == std::string::npos || close == std::string::npos) return {};
    return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

// What may come next that is no option: subcommands, or the values of an argument.
Words words_of(const CLI::App& command) {
    Words words;
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
        words.push_back(sub->get_name());
    for (const CLI::Option* argument :
         command.get_options([](const CLI::Option* o) { return !o->nonpositional(); }))
        for (const auto& choice : choices_of(*argument)) words.push_back(choice);
    return words;
}

std::vector<const CLI::Option*> options_of(const CLI::App& command) {
    std::vector<const CLI::Option*> found;
    for (const CLI::App* app = &command; app != nullptr; app = app->get_parent())
        for (const CLI::Option* option :
             app->get_options([](const CLI::Option* o) { return o->nonpositional(); }))
            found.push_back(option);
    return found;
}

Words option_names(const CLI::App& command) {
    std::set<std::string> names;
    for (const CLI::Option* option : options_of(command))
        for (const auto& name : option->get_lnames()) names.insert("--" + name);
    return {names.begin(), names.end()};
}

// The tree as `case` arms; a command's path is "/disk/add", the program's own "".
struct BashArms {
    std::string paths, subcommands, options, choices;
};

void collect(const CLI::App& command, const std::string& path, BashArms& arms) {
    if (!path.empty()) arms.paths += (arms.paths.empty() ? "" : "|") + path;
    arms.subcommands +=
        fmt::format("        '{}') words='{}' ;;\n", path, joined(words_of(command)));
    arms.options +=
        fmt::format("        '{}') words='{}' ;;\n", path, joined(option_names(command)));
    for (const CLI::Option* option : options_of(command))
        if (const Words choices = choices_of(*option); !choices.empty())
            arms.choices += fmt::format("        '{}:{}') words='{}' ;;\n", path,
                                        "--" + option->get_lnames().front(), joined(choices));
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; }))
        collect(*sub, path + "/" + sub->get_name(), arms);
}

std::string bash_script(const CLI::App& program) {
    BashArms arms;
    collect(program, "", arms);
    return fmt::format(
        R"(# bash completion for twofold; install as /etc/bash_completion.d/twofold, or:
#   source <(twofold completion bash)
_twofold() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
    local command='' words='' i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "$command/${{COMP_WORDS[i]}}" in
        {}) command="$command/${{COMP_WORDS[i]}}" ;;
        esac
    done
    case "$command:$previous" in
{}    esac
    if [ -z "$words" ]; then
        if [[ $current == -* ]]; then
            case "$command" in
{}            esac
        else
            case "$command" in
{}            esac
        fi
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o default -F _twofold twofold
)",
        arms.paths, arms.choices, arms.options, arms.subcommands);
}

void fish_lines(const CLI::App& command, const std::string& seen, std::string& script) {
    for (const CLI::App* sub : command.get_subcommands([](const CLI::App*) { return true; })) {
        script += fmt::format(
            "complete -c twofold -f -n '{}' -a {}\n",
            seen.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from " + seen,
            sub->get_name());
        for (const auto& name : option_names(*sub))
            script += fmt::format("complete -c twofold -n '__fish_seen_subcommand_from {}' -l {}\n",
                                  sub->get_name(), name.substr(2));
        fish_lines(*sub, sub->get_name(), script);
    }
}

Result<void> completion(const CLI::App& program, const std::string& shell) {
    if (shell == "bash") {
        print(bash_script(program));
    } else if (shell == "zsh") {
        print("autoload -U +X compinit && compinit\nautoload -U +X bashcompinit && bashcompinit\n" +
              bash_script(program));
    } else {
        std::string script;
        fish_lines(program, "", script);
        print(script);
    }
    return {};
}

}  // namespace

void add_completion(CLI::App& program, Context& context) {
    auto& command = add_command(program, "completion", "Print a completion script for a shell",
                                "source <(twofold completion bash)");
    auto shell = std::make_shared<std::string>();
    command.add_option("SHELL", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    on_run(
        command, context, [&program, shell](Context&) { return completion(program, *shell); },
        Crypto::later);
}

}  // namespace twofold::cli
