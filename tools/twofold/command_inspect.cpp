#include <nlohmann/json.hpp>

#include "base/json.h"
#include "fs/disk/inspect.h"
#include "tools/twofold/anchors.h"
#include "tools/twofold/command.h"
#include "tools/twofold/image_report.h"
#include "tools/twofold/options.h"
#include "tools/twofold/runtime.h"
#include "tools/twofold/session.h"

namespace twofold::cli {
namespace {

constexpr std::uint64_t kDefaultLength = 64;  // bytes of each view
constexpr std::uint64_t kLengthMax = fs::kRequestMax;

struct Options {
    std::string store, disk;
    std::optional<int> layer;
    std::optional<std::uint64_t> offset, length;
    bool wants_view() const { return layer || offset || length; }
};

// An image and, as far as the keys are there, the disk in it.
struct Opened {
    std::unique_ptr<io::File> file;
    fs::ImageReport report;
    std::unique_ptr<Session> session;           // null: this machine does not know the deployment
    std::unique_ptr<keyring::Keyring> keyring;  // the disk refers to it
    std::unique_ptr<fs::EncryptedDisk> disk;    // null: only the thief's view
    std::optional<Error> why_not;               // then
    std::optional<Error> against_anchor;  // the disk is authentic, but not the state last known
    std::vector<std::string> events;      // what was found at opening
};

Result<void> open_with_keys(const Context& context, const Options& options, const fs::Disk& disk,
                            Opened& opened) {
    auto session = Session::open(context, options.store);
    if (!session) return fail(std::move(session).error());
    opened.session = std::move(*session);
    TF_ASSIGN(const fs::TrustedDisk* trusted, opened.session->note().disk(disk.name));
    TF_ASSIGN(opened.keyring, opened.session->open_keyring());
    fs::OpenOptions how;
    how.observe = true;
    how.read_only = true;
    how.background = false;
    how.on_event = [&opened](const fs::DiskEvent& event) { opened.events.push_back(event.text); };
    TF_ASSIGN(how.anchor, anchor_place(*opened.session, disk.node, disk.name));
    const auto open = [&]() -> Result<std::unique_ptr<fs::EncryptedDisk>> {
        TF_ASSIGN(auto file,
                  opened.session->store().image(disk, io::Access::read_only, io::Lock::none));
        return fs::EncryptedDisk::open(std::move(file), *opened.keyring, trusted->note,
                                       opened.session->random(), opened.session->clock(), how);
    };
    auto disk_there = open();
    if (!disk_there &&
        (disk_there.error().code == Errc::rolled_back || disk_there.error().code == Errc::forked)) {
        how.adopt = true;  // what it holds can be shown all the same
        auto as_it_is = open();
        if (as_it_is) {
            opened.against_anchor = std::move(disk_there).error();
            disk_there = std::move(as_it_is);
        }
    }
    TF_ASSIGN(opened.disk, std::move(disk_there));
    return {};
}

// Everything that anybody can see first, and then as much as the keys allow. Keys that are not
// there are no failure: that is what the thief's view is for.
Result<std::unique_ptr<Opened>> open(const Context& context, const Options& options) {
    auto opened = std::make_unique<Opened>();
    TF_ASSIGN(const fs::Store store, fs::Store::open(absolute_path(options.store)));
    TF_ASSIGN(const fs::Disk* disk, store.deployment().disk(options.disk));
    if (auto committed = commit_if_mounted(context, store.deployment().id, disk->node); !committed)
        log::warning("what follows may be a little old: {}", committed.error().line());
    TF_ASSIGN(opened->file, store.image(*disk, io::Access::read_only, io::Lock::none));
    TF_ASSIGN(opened->report, fs::inspect_image(*opened->file));
    if (auto with_keys = open_with_keys(context, options, *disk, *opened); !with_keys)
        opened->why_not = std::move(with_keys).error();
    return opened;
}

// The first block that is not zero, or the first.
Result<fs::BlockIndex> first_data(Opened& opened, fs::UnverifiedMap& map) {
    if (opened.disk) {
        TF_ASSIGN(const auto found, opened.disk->next_data(fs::BlockIndex{0}));
        return found ? found->first : fs::BlockIndex{0};
    }
    TF_ASSIGN(const auto found, map.next_data(fs::BlockIndex{0}));
    return found.value_or(fs::BlockIndex{0});
}

Result<RangeView> view(Opened& opened, const Options& options) {
    const fs::Layout& layout = *opened.report.layout;
    fs::UnverifiedMap map(*opened.file, layout, *opened.report.superblock());
    std::uint64_t offset = options.offset.value_or(0);
    if (!options.wants_view()) {
        TF_ASSIGN(const fs::BlockIndex block, first_data(opened, map));
        offset = fs::offset_of(block).value();
    }
    const std::uint64_t size = layout.block_count() * fs::kBlockSize;
    const std::uint64_t length = options.length.value_or(
        std::min(kDefaultLength, offset < size ? size - offset : std::uint64_t{0}));
    if (offset >= size) return fail(Errc::invalid, "offset {}: the disk ends at {}", offset, size);
    if (length == 0 || length > std::min(kLengthMax, size - offset))
        return fail(Errc::invalid, "length {}: not 1 to {}, or past the end of the disk", length,
                    kLengthMax);
    const auto suites = opened.report.suites();
    if (opened.disk) {
        auto range = view_range(look_with_keys(*opened.disk), offset, length, suites, true);
        if (range || range.error().code != Errc::unauthentic) return range;
        opened.why_not = std::move(range).error();  // a block's tag: the slot can still be shown
    }
    return view_range(look_as_thief(*opened.file, layout, map), offset, length, suites, false);
}

// --layer: that view alone. On a disk with one layer, 1 and 2 are both the plaintext.
Result<void> choose_layer(RangeView& range, const Options& options, const Opened& opened) {
    if (!options.layer) return {};
    const int wanted = std::min(*options.layer, range.views.back().layer);
    if (*options.layer > 0 && (!opened.disk || opened.why_not))
        return fail(Error(*opened.why_not).in("layer " + std::to_string(*options.layer)));
    std::erase_if(range.views, [&](const LayerView& v) { return v.layer < wanted; });
    range.views.resize(1);
    return {};
}

void print_text(const Opened& opened, const Options& options,
                const std::optional<RangeView>& range) {
    if (!options.wants_view()) {
        print(text_of(opened.report));
        say("");
        if (opened.disk)
            say("Verified with the keys of all layers: header, superblock, and the map that is "
                "shown.");
        for (const std::string& event : opened.events) say("Found: {}", event);
    }
    if (opened.against_anchor) say("Authentic, but: {}", opened.against_anchor->line());
    if (opened.why_not)
        say("Not verified, anybody could have written it: {}", opened.why_not->line());
    if (range) print(text_of(*range));
}

void print_json(const Opened& opened, const Options& options,
                const std::optional<RangeView>& range) {
    nlohmann::json out = range ? json_of(*range) : nlohmann::json::object();
    if (!options.wants_view()) out["image"] = json_of(opened.report);
    out["disk"] = options.disk;
    out["verified"] = opened.disk != nullptr && !opened.why_not && !opened.against_anchor;
    if (opened.against_anchor) out["problem"] = opened.against_anchor->line();
    if (opened.why_not) out["problem"] = opened.why_not->line();
    if (!opened.events.empty()) out["found"] = opened.events;
    print(to_pretty_text(out) + "\n");
}

bool is_damage(const Error& error) { return exit_code(error.code) == 4; }

Result<void> inspect(const Context& context, const Options& options) {
    TF_ASSIGN(const auto opened, open(context, options));
    std::optional<RangeView> range;
    if (opened->report.layout) {
        TF_ASSIGN(range, view(*opened, options));
        TF_TRY(choose_layer(*range, options, *opened));
    } else if (options.wants_view()) {
        return fail(Errc::damaged, "disk {}: no superblock can be decoded", options.disk);
    }
    context.json ? print_json(*opened, options, range) : print_text(*opened, options, range);
    // What could be shown was; that the image is not as it should be is still told by the exit
    // code.
    for (const auto& problem : {opened->why_not, opened->against_anchor})
        if (problem && is_damage(*problem)) return fail(Error(*problem).in("disk " + options.disk));
    return {};
}

}  // namespace

void add_inspect(CLI::App& program, Context& context) {
    auto& command =
        add_command(program, "inspect", "Show what is on disk, layer by layer",
                    "twofold inspect ./store data0\n"
                    "  twofold inspect ./store data0 --layer 1 --offset 4096 --length 256");
    auto o = std::make_shared<Options>();
    command.add_option("STORE", o->store, "directory of the deployment")->required();
    command.add_option("DISK", o->disk, "name of the disk")->required();
    command
        .add_option("--layer", o->layer,
                    "0 the bytes in the image, 1 layer 1 removed, 2 the plaintext; else all")
        ->check(CLI::Range(0, 2));
    command.add_option("--offset", o->offset, "in bytes of the plaintext disk");
    command.add_option("--length", o->length, "in bytes, at most 1 MiB");
    on_run(command, context, [o](Context& c) { return inspect(c, *o); });
}

}  // namespace twofold::cli
