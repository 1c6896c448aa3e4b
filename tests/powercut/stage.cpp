#include "tests/powercut/stage.h"

#include <algorithm>

namespace twofold::powercut {

using fs::ByteOffset;
using fs::kBlockSize;

Result<void> Stage::play(const Script& script) {
    view_.reset(&machine_.made());
    medium_.start(machine_.made());
    trace_.clear();
    fed_ = 0;
    recording_.trace = &trace_;
    set_anchor(machine_.first_anchor());
    if (std::ranges::count(script, Action::Kind::rewrap, &Action::kind) > 0)
        machine_.watch_envelopes();
    history_.emplace(machine_.blocks());
    User user(machine_, recording_, *history_, ledger_, counters_);
    TF_TRY(user.mount());
    mounted_at_ = trace_.size();
    TF_TRY(user.perform(script));
    return user.check_map();
}

void Stage::crash(const End& before, Life::After after, const Choice& choice) {
    trace_.clear();
    fed_ = 0;
    history_.reset();
    if (after == Life::After::kill) {
        medium_.fork(before.medium);
        view_.reset(&before.medium.durable());
        before.medium.show(view_);
    } else {
        device_.reset(&before.medium.durable());
        choice.apply(before.medium, device_);
        medium_.start(device_, choice.fingerprint(before.medium));
        view_.reset(&device_);
    }
    recording_.trace = &trace_;
    set_anchor(before.anchor);
}

void Stage::set_anchor(Bytes record) {
    first_anchor_ = record;
    recording_.anchors->put(std::vector(record.begin(), record.end()));
}

Bytes Stage::anchor(std::size_t issued) const {
    const auto& all = trace_.operations();
    while (issued-- > 0)
        if (all[issued].kind == Operation::Kind::anchor)
            return {all[issued].data, all[issued].length};
    return first_anchor_;
}

Result<void> Stage::judge(const Life& life, const End& before) {
    const Window& window =
        life.after == Life::After::kill ? before.after_kill : before.after_power_cut;
    TF_TRY(machine_.check_envelopes(view_));
    TF_ASSIGN(mount_, machine_.mount(recording_, life.read_only, ++counters_.random_seed));
    mounted_at_ = trace_.size();
    TF_ASSIGN(const History::Prints prints, read_all());
    const auto found = before.history.explain(prints, window);
    if (!found) return fail(Errc::failed, "{}", before.history.why_not(contents_, window));
    found_ = *found;
    if (life.read_only) {
        // It syncs what it finds, and writes nothing.
        for (const Operation& operation : trace_.operations())
            if (operation.kind != Operation::Kind::sync_begin &&
                operation.kind != Operation::Kind::sync_end)
                return fail(Errc::failed, "a read-only mount wrote");
        return {};
    }
    return mount_->disk->check_map();
}

Result<void> Stage::judge_again() {
    const auto before = History::prints_of(contents_);
    mount_.reset();
    TF_ASSIGN(mount_, machine_.mount(recording_, false, ++counters_.random_seed));
    TF_ASSIGN(const auto prints, read_all());
    if (prints != before) return fail(Errc::failed, "mounted again, other contents");
    return {};
}

Result<History::Prints> Stage::read_all() {
    constexpr std::size_t kAtOnce = 8 * kBlockSize;  // for which the disk needs no large buffers
    contents_.resize(machine_.blocks() * kBlockSize);
    for (std::size_t at = 0; at < contents_.size(); at += kAtOnce)
        TF_TRY(mount_->disk->read(
            ByteOffset{at},
            MutableBytes(contents_).subspan(at, std::min(kAtOnce, contents_.size() - at))));
    return History::prints_of(contents_);
}

Result<void> Stage::go_on(const Script& script) {
    history_ = History::from(contents_);
    User user(machine_, recording_, *history_, ledger_, counters_);
    user.take_over(std::move(mount_));
    TF_TRY(user.perform(script));
    return user.check_map();
}

const Medium& Stage::medium(std::size_t issued) {
    TF_CHECK(issued >= fed_ && issued <= trace_.size());
    medium_.feed(std::span(trace_.operations()).subspan(fed_, issued - fed_));
    fed_ = issued;
    return medium_;
}

End Stage::end(std::size_t issued) {
    const auto operations = std::span(trace_.operations()).first(issued);
    return {medium(issued), *history_, History::after_power_cut(operations),
            History::after_kill(operations), anchor(issued)};
}

// Recovery comes to the same however often it is cut. Only where it started from what a killed
// process left in the cache, and has not synced that yet, may more be lost.
End Stage::end_after(const Life& life, const End& before, std::size_t issued) {
    if (history_ && issued > mounted_at_) return end(issued);
    const Medium& store = medium(issued);
    const Window same{found_, found_};
    const bool durable = life.after == Life::After::power_cut || store.synced_once();
    return {store, before.history, durable ? same : before.after_power_cut, same, anchor(issued)};
}

}  // namespace twofold::powercut
