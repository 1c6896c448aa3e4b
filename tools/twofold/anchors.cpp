#include "tools/twofold/anchors.h"

namespace twofold::cli {

Result<fs::AnchorPlace> anchor_place(Session& session, const std::string& node,
                                     const std::string& disk) {
    switch (session.note().anchors) {
        case fs::AnchorHome::local:
            return fs::AnchorPlace{session.state().anchor(session.deployment().id, node, disk),
                                   node, disk};
        case fs::AnchorHome::vault:
            break;
    }
    return fail(Errc::unsupported, "anchors: kept in a vault, which this program can't do yet");
}

}  // namespace twofold::cli
