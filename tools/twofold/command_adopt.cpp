#include <array>
#include <iostream>

#include "fs/disk/layout.h"
#include "fs/disk/static_sector.h"
#include "keyring/ring/discover.h"
#include "tools/twofold/anchors.h"
#include "tools/twofold/command.h"
#include "tools/twofold/disk_facts.h"
#include "tools/twofold/node_disks.h"
#include "tools/twofold/options.h"

// `twofold adopt`: takes a store, or one disk of it, as it is now. First everything is looked at
// and proved consistent (keys unwrap, headers verify under them, anchors that are known agree);
// then it is shown; then it is noted, and disks without an anchor get one. A whole store's anchors
// move where a new deployment would have them, if they are not there already.
namespace twofold::cli {
namespace {

struct Options {
    std::string store, disk;
    bool yes = false;
    bool accept_rollback = false;
};

// What would be trusted, and the key versions in use for showing them.
struct Finding {
    fs::TrustNote note;
    std::optional<fs::AnchorVault>
        anchors_before;  // where they are now; note.anchors: from then on
    std::vector<std::string> lines;
    bool moves_anchors() const { return note.anchors != anchors_before; }
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

// Without a note they are where this machine, or another one like it, would have put them.
Result<void> find_anchors(const fs::Store& store, const fs::LocalState& state,
                          keyring::CloudVaults& vaults, Finding& finding) {
    const auto& customer = store.deployment().layer2;
    TF_ASSIGN(const AnchorHome home,
              choose_anchor_home(vaults, customer ? &*customer : nullptr, state));
    finding.note.anchors = finding.anchors_before = home.vault;
    if (const auto known = state.load(store.deployment().id, store.path()))
        finding.anchors_before = known->anchors;
    finding.lines.push_back(home.told);
    if (finding.moves_anchors())
        finding.lines.push_back(
            fmt::format("         where they move to from {}", shown(finding.anchors_before)));
    return {};
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
        TF_TRY(find_anchors(store, state, vaults, finding));
        for (const fs::Disk& disk : store.deployment().disks)
            TF_TRY(find_disk(store, disk, finding));
        return finding;
    }
    TF_ASSIGN(const fs::Disk* disk, store.deployment().disk(options.disk));
    TF_ASSIGN(finding.note, state.load(store.deployment().id, store.path()));
    finding.anchors_before = finding.note.anchors;
    TF_TRY(find_disk(store, *disk, finding));
    return finding;
}

void warn(const fs::Disk& disk, const fs::DiskEvent& event) {
    log::warning("{}", to_line(disk, event));
}

// A disk that gets an anchor: opened, and locked until then.
struct ToAnchor {
    fs::Disk disk;
    std::unique_ptr<fs::EncryptedDisk> device;
    std::optional<Error> disagreed;  // with the anchor that is known
};

std::string state_of(const fs::DiskInfo& info) {
    return fmt::format("mount {}, superblock {}, epoch {}, written {}, {}", info.mount_counter,
                       info.superblock_generation, info.acknowledged_epoch,
                       iso8601(info.written_at), info.clean ? "unmounted" : "not unmounted");
}

// Why the anchor that is known speaks against a disk; nothing where it agrees. Errc::not_found
// where none is known.
Result<std::optional<Error>> compare(Session& session, keyring::Keyring& keys, const fs::Disk& disk,
                                     const fs::AnchorPlace& place, const Options& options) {
    const auto record = place.store->load();
    if (!record && options.accept_rollback) return std::optional(record.error());
    if (!record) return fail(record.error());
    if (!*record) return fail(Errc::not_found, "anchor: none");
    fs::OpenOptions compared;
    compared.observe = true;
    compared.anchor = place;
    const auto opened = open_disk(session, keys, disk, compared, warn);
    if (opened) return std::optional<Error>();
    if (exit_code(opened.error().code) != 4) return fail(opened.error());
    return std::optional(opened.error());
}

// Opens a disk as it would be trusted, without writing: MACs, commitments and the anchor are
// checked. Nothing where its anchor agrees and stays where it is.
Result<std::optional<ToAnchor>> prove(Session& session, keyring::Keyring& keys,
                                      const fs::Disk& disk, const Finding& finding,
                                      const Options& options) {
    TF_ASSIGN(const auto before,
              anchor_place(session, finding.anchors_before, disk.node, disk.name));
    auto against = compare(session, keys, disk, before, options);
    if (!against && against.error().code != Errc::not_found)
        return fail(std::move(against).error());
    const bool good = against && !*against;
    if (good && !finding.moves_anchors()) return std::optional<ToAnchor>();
    fs::OpenOptions as_it_is;
    as_it_is.read_only = true;
    as_it_is.adopt = true;
    auto opened = open_disk(session, keys, disk, as_it_is, warn);
    if (!opened) return fail(std::move(opened).error());
    std::optional<Error> disagreed;
    if (against) disagreed = std::move(*against);
    // So it was the anchor alone that spoke against it.
    if (disagreed && !options.accept_rollback) return fail(std::move(*disagreed));
    return std::optional(ToAnchor{disk, std::move(*opened), std::move(disagreed)});
}

Result<std::vector<ToAnchor>> prove(Session& session, keyring::Keyring& keys,
                                    const Finding& finding, const Options& options) {
    std::vector<ToAnchor> result;
    for (const fs::Disk& disk : session.deployment().disks) {
        if (!options.disk.empty() && disk.name != options.disk) continue;
        TF_ASSIGN(auto needed, prove(session, keys, disk, finding, options));
        if (needed) result.push_back(std::move(*needed));
    }
    return result;
}

void show(const std::vector<ToAnchor>& disks) {
    for (const ToAnchor& anchor : disks) {
        say("disk {}  state: {}", anchor.disk.name, state_of(anchor.device->info()));
        if (anchor.disagreed) say("         against its anchor: {}", anchor.disagreed->what);
    }
}

Result<void> take_anchors(Session& session, const std::vector<ToAnchor>& disks) {
    for (const ToAnchor& anchor : disks) {
        auto taken = anchor.device->take_anchor();
        if (!taken) return fail(std::move(taken).error().in("disk " + anchor.disk.name));
        if (!anchor.disagreed) continue;
        session.record({"rollback-accepted",
                        {{"disk", anchor.disk.name},
                         {"node", anchor.disk.node},
                         {"text", anchor.disagreed->what}}});
    }
    return {};
}

// One that stayed behind would vouch for an older store beside an older note.
void forget_moved(Session& session, const Finding& finding, const std::vector<ToAnchor>& disks) {
    if (!finding.moves_anchors()) return;
    for (const ToAnchor& anchor : disks) {
        const auto before =
            anchor_place(session, finding.anchors_before, anchor.disk.node, anchor.disk.name);
        const auto gone = before ? before->store->forget() : Result<void>(fail(before.error()));
        if (!gone)
            log::warning("disk {}: the anchor that moved is still in {}: {}", anchor.disk.name,
                         shown(finding.anchors_before), gone.error().line());
    }
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
    TF_ASSIGN(const auto keys, session->open_keyring());
    TF_TRY(keys->unlock());
    TF_ASSIGN(const std::vector<ToAnchor> disks, prove(*session, *keys, finding, options));
    show(disks);
    if (!options.yes && !agreed()) return fail(Errc::failed, "adopt: nothing was noted");
    TF_TRY(take_anchors(*session, disks));
    TF_TRY(session->save_note(finding.note));
    forget_moved(*session, finding, disks);
    session->record({"adopted", {{"disk", options.disk}}});
    say("Noted in {}.", context.state_directory());
    return {};
}

}  // namespace

void add_adopt(CLI::App& program, Context& context) {
    auto& command =
        add_command(program, "adopt",
                    "Trust a store, or one disk, as it is now: shows what, then notes it down",
                    "twofold adopt ./store --yes\n"
                    "  twofold adopt ./store data0 --accept-rollback");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_option("DISK", o->disk, "only this disk");
    command.add_flag("--yes", o->yes, "without asking");
    command.add_flag("--accept-rollback", o->accept_rollback,
                     "even if older than, or not from, the state last known: a restored backup");
    on_run(command, context, [o](Context& c) { return adopt(c, *o); });
}

}  // namespace twofold::cli
