#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tools/twofold/command.h"
#include "tools/twofold/disk_facts.h"
#include "tools/twofold/new_disk.h"
#include "tools/twofold/options.h"
#include "tools/twofold/size.h"

namespace twofold::cli {
namespace {

using nlohmann::json;

struct AddOptions {
    std::string store, role, size;
    NewDisk disk;
};

json to_json(Session& session, const fs::Disk& disk) {
    const fs::KeysetNote keyset = newest_keyset(session.note(), disk.name);
    json value{{"name", disk.name},
               {"node", disk.node},
               {"role", fs::name_of(disk.role)},
               {"size", disk.size},
               {"image", session.store().image_path(disk)},
               {"layers", json::array()}};
    const auto layer = [&](int number, fs::Suite suite, const Uuid& dek) {
        if (suite == fs::Suite::none) return;
        value["layers"].push_back(
            {{"layer", number}, {"algorithm", display_name(suite)}, {"dek", dek.hex()}});
    };
    layer(1, keyset.layer1, keyset.dek1);
    layer(2, keyset.layer2, keyset.dek2);
    if (const auto known = session.note().disk(disk.name)) value["id"] = (*known)->note.disk.hex();
    return value;
}

Result<void> add(const Context& context, const AddOptions& options) {
    NewDisk wanted = options.disk;
    TF_ASSIGN(wanted.role, fs::parse_role(options.role));
    if (!wanted.import) {
        TF_ASSIGN(wanted.size, parse_size(options.size));
    }
    TF_ASSIGN(const auto session, Session::open(context, options.store));
    TF_ASSIGN(const fs::Disk disk, add_disk(*session, wanted));
    const auto warning = fs::disk_warning(session->deployment().choices, disk.role);
    if (context.json) {
        json value = to_json(*session, disk);
        if (warning) value["warning"] = *warning;
        print(to_pretty_text(value) + "\n");
        return {};
    }
    if (warning) log::warning("disk {}: {}", disk.name, *warning);
    const fs::KeysetNote keyset = newest_keyset(session->note(), disk.name);
    std::string layers;
    for (const fs::Suite suite : {keyset.layer1, keyset.layer2})
        if (suite != fs::Suite::none)
            layers += (layers.empty() ? "" : " around ") + std::string(display_name(suite));
    say("Added disk {}: {}, {}, {}", disk.name, fs::name_of(disk.role), human_size(disk.size),
        layers);
    return {};
}

Result<void> list(const Context& context, const std::string& store) {
    TF_ASSIGN(const auto session, Session::open(context, store));
    if (context.json) {
        json all = json::array();
        for (const fs::Disk& disk : session->deployment().disks)
            all.push_back(to_json(*session, disk));
        print(to_pretty_text(all) + "\n");
        return {};
    }
    Table table({"DISK", "NODE", "ROLE", "SIZE", "LAYER 1", "LAYER 2"});
    for (const fs::Disk& disk : session->deployment().disks) {
        const fs::KeysetNote keyset = newest_keyset(session->note(), disk.name);
        table.row({disk.name, disk.node, std::string(fs::name_of(disk.role)), human_size(disk.size),
                   std::string(display_name(keyset.layer1)),
                   std::string(display_name(keyset.layer2))});
    }
    print(table.text());
    return {};
}

Result<void> show(const Context& context, const std::string& store, const std::string& name) {
    TF_ASSIGN(const auto session, Session::open(context, store));
    TF_ASSIGN(const fs::Disk* disk, session->deployment().disk(name));
    if (context.json) {
        print(to_pretty_text(to_json(*session, *disk)) + "\n");
        return {};
    }
    const fs::KeysetNote keyset = newest_keyset(session->note(), name);
    say("disk     {}", disk->name);
    if (const auto known = session->note().disk(name))
        say("id       {}", (*known)->note.disk.hex());
    say("node     {}", disk->node);
    say("role     {}", fs::name_of(disk->role));
    say("size     {} ({} bytes)", human_size(disk->size), disk->size);
    say("layer 1  {}", display_name(keyset.layer1));
    say("layer 2  {}", display_name(keyset.layer2));
    say("image    {}", session->store().image_path(*disk));
    if (const auto warning = fs::disk_warning(session->deployment().choices, disk->role))
        say("warning  {}", *warning);
    return {};
}

}  // namespace

void add_disk(CLI::App& program, Context& context) {
    auto& family = add_family(program, "disk", "The disks of a deployment",
                              "twofold disk add ./store data0 --role data --size 10G");

    auto& add_one = add_command(family, "add", "Add a disk, empty or from a raw image",
                                "twofold disk add ./store data0 --role data --size 10G\n"
                                "  twofold disk add ./store data1 --role data --from disk.raw");
    auto o = std::make_shared<AddOptions>();
    o->disk.node = "node0";
    add_one.add_option("STORE", o->store, "directory of the deployment")->required();
    add_one.add_option("NAME", o->disk.name, "1 to 64 of a-z 0-9 -")->required();
    add_one.add_option("--role", o->role, "what it is for; decides its layers")
        ->required()
        ->check(CLI::IsMember({"os", "data", "temp"}));
    auto* size = add_one.add_option("--size", o->size, "bytes, or with K, M, G, T");
    auto* from = add_one.add_option("--from", o->disk.import, "raw image to copy in");
    size->excludes(from);
    add_one.add_option("--node", o->disk.node, "the node it belongs to")->capture_default_str();
    on_run(add_one, context, [o](Context& c) -> Result<void> {
        if (o->size.empty() && !o->disk.import)
            return fail(Errc::usage, "disk add: needs --size or --from");
        return add(c, *o);
    });

    auto& list_all =
        add_command(family, "list", "List the disks and their layers", "twofold disk list ./store");
    auto store = std::make_shared<std::string>();
    list_all.add_option("STORE", *store, "directory of the deployment")->required();
    on_run(list_all, context, [store](Context& c) { return list(c, *store); });

    auto& show_one =
        add_command(family, "show", "Show one disk", "twofold disk show ./store data0 --json");
    auto shown = std::make_shared<std::pair<std::string, std::string>>();
    show_one.add_option("STORE", shown->first, "directory of the deployment")->required();
    show_one.add_option("DISK", shown->second, "name of the disk")->required();
    on_run(show_one, context, [shown](Context& c) { return show(c, shown->first, shown->second); });
}

}  // namespace twofold::cli
