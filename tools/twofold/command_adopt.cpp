#include <array>
#include <iostream>

#include "fs/disk/layout.h"
#include "fs/disk/static_sector.h"
#include "keyring/ring/discover.h"
#include "tools/twofold/command.h"
#include "tools/twofold/disk_facts.h"
#include "tools/twofold/node_disks.h"
#include "tools/twofold/options.h"

// `twofold adopt`: takes a store, or one disk of it, as it is now. First everything is looked at
// and proved consistent (keys unwrap, headers verify under them); then it is shown; then it is
// noted.
namespace twofold::cli {
namespace {

struct Options {
    std::string store, disk;
    bool yes = false;
};

// What would be trusted, and the key versions in use for showing them.
struct Finding {
    fs::TrustNote note;
    std::vector<std::string> lines;
};

Result<void> find_layers(const fs::Store& store, keyring::CloudVaults& vaults, Finding& finding) {
    TF_ASSIGN(const auto directory, store.keyring());
    for (const crypto::Layer layer : kLayers) {
        const auto& key = layer_of(store.deployment(), layer);
        if (!key) continue;
        TF_ASSIGN(const keyring::LayerConfig config, to_config(*key));
        TF_ASSIGN(keyring::FoundLayer found, keyring::discover(*directory, store.deployment().id,
                                                               layer, vaults, config.identity));
        if (!config.reference.covers(found.in_use))
            return fail(Errc::substituted, "layer {}: configured is {}, in use is {}",
                        number_of(layer), config.reference.uri(), found.in_use.uri());
        finding.lines.push_back(
            fmt::format("layer {}  key {}", number_of(layer), found.in_use.uri()));
        finding.lines.push_back(fmt::format("         data key {}, commitment {}",
                                            found.note.dek.id.hex(),
                                            to_hex(found.note.commitment)));
        layer_of(finding.note, layer) = to_trusted(found.note, config.identity);
    }
    return {};
}

// What the image says of itself; it is proved when the disk is opened under the keys.
Result<fs::DiskNote> claimed_by(io::File& image) {
    Result<fs::StaticSector> sector = fail(Errc::damaged, "no header");
    for (const fs::HeaderCopy copy : {fs::HeaderCopy::a, fs::HeaderCopy::b}) {
        std::array<std::byte, fs::kSectorSize> bytes;
        TF_TRY(image.read(fs::header_offset(copy), bytes));
        sector = fs::StaticSector::parse(bytes);
        if (sector) return sector->note();
    }
    return fail(std::move(sector).error());
}

Result<void> find_disk(const fs::Store& store, const fs::Disk& disk, Finding& finding) {
    const auto named = [&](Error error) { return fail(std::move(error).in("disk " + disk.name)); };
    auto image = store.image(disk, io::Access::read_only, io::Lock::none);
    if (!image) return named(std::move(image).error());
    auto note = claimed_by(**image);
    if (!note) return named(std::move(note).error());
    if (note->deployment != store.deployment().id)
        return named({Errc::substituted, "the image of another deployment", {}, 0, {}});
    const fs::KeysetNote& keyset = note->keysets.front();
    finding.lines.push_back(fmt::format("disk {}  id {}, {} / {}", disk.name, note->disk.hex(),
                                        display_name(keyset.layer1), display_name(keyset.layer2)));
    std::erase_if(finding.note.disks, [&](const auto& d) { return d.name == disk.name; });
    finding.note.disks.push_back({disk.node, disk.name, disk.role, std::move(*note)});
    return {};
}

bool agreed() {
    std::cout << "Trust this from now on? [y/N] " << std::flush;
    std::string answer;
    return std::getline(std::cin, answer) && (answer == "y" || answer == "yes");
}

Result<Finding> look(const Context& context, const fs::Store& store, const Options& options) {
    const fs::LocalState state(context.state_directory());
    keyring::CloudVaults vaults(context.cloud_is_given() ? context.cloud_directory()
                                                         : store.deployment().cloud);
    Finding finding;
    finding.note.deployment = store.deployment().id;
    finding.note.cloud = store.deployment().cloud;
    finding.note.choices = store.deployment().choices;
    if (options.disk.empty()) {
        TF_TRY(find_layers(store, vaults, finding));
        for (const fs::Disk& disk : store.deployment().disks)
            TF_TRY(find_disk(store, disk, finding));
        return finding;
    }
    TF_ASSIGN(const fs::Disk* disk, store.deployment().disk(options.disk));
    TF_ASSIGN(finding.note, state.load(store.deployment().id, store.path()));
    TF_TRY(find_disk(store, *disk, finding));
    return finding;
}

// Opens every disk as it would be trusted, without writing: MACs and commitments are checked.
Result<void> prove(Session& session) {
    TF_ASSIGN(const auto keys, session.open_keyring());
    TF_TRY(keys->unlock());
    fs::OpenOptions options;
    options.observe = true;
    for (const fs::Disk& disk : session.deployment().disks)
        TF_TRY(open_disk(session, *keys, disk, options, [](const auto& which, const auto& event) {
            log::warning("{}", to_line(which, event));
        }));
    return {};
}

Result<void> adopt(const Context& context, const Options& options) {
    if (!options.yes && !input_is_terminal())
        return fail(Errc::usage, "adopt: needs --yes where no question can be asked");
    const std::string path = absolute_path(options.store);
    TF_ASSIGN(fs::Store store, fs::Store::open(path));
    TF_ASSIGN(const auto lock, store.lock());
    TF_TRY(store.reload());
    TF_ASSIGN(const Finding finding, look(context, store, options));
    say("deployment {}, profile {}", store.deployment().id.hex(),
        store.deployment().choices.profile);
    say("cloud    {}", store.deployment().cloud);
    for (const std::string& line : finding.lines) say("{}", line);
    TF_ASSIGN(const auto session, Session::with_note(context, std::move(store), finding.note));
    TF_TRY(prove(*session));
    if (!options.yes && !agreed()) return fail(Errc::failed, "adopt: nothing was noted");
    TF_TRY(session->save_note(finding.note));
    session->record({"adopted", {{"disk", options.disk}}});
    say("Noted in {}.", context.state_directory());
    return {};
}

}  // namespace

void add_adopt(CLI::App& program, Context& context) {
    auto& command =
        add_command(program, "adopt",
                    "Trust a store, or one disk, as it is now: shows what, then notes it down",
                    "twofold adopt ./store --yes");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_option("DISK", o->disk, "only this disk");
    command.add_flag("--yes", o->yes, "without asking");
    on_run(command, context, [o](Context& c) { return adopt(c, *o); });
}

}  // namespace twofold::cli
