#include "tests/powercut/stage.h"

namespace twofold::powercut {

using fs::ByteOffset;
using fs::kBlockSize;

Result<void> Stage::play(const Script& script) {
    view_.reset(&machine_.made());
    medium_.start(machine_.made());
    trace_.clear();
    fed_ = 0;
    recording_.trace = &trace_;
    history_.emplace(machine_.blocks());
    User user(machine_, recording_, *history_, ledger_, counters_);
    TF_TRY(user.mount());
    mounted_at_ = trace_.size();
    TF_TRY(user.perform(script));
    return user.check_map();
}

void Stage::crash(const Medium& before, const Life& life) {
    trace_.clear();
    fed_ = 0;
    if (life.before == Life::Ended::kill) {
        medium_.fork(before);
        view_.reset(&before.durable());
        before.show(view_);
    } else {
        device_.reset(&before.durable());
        life.choice.apply(before, device_);
        medium_.start(device_, life.choice.fingerprint(before));
        view_.reset(&device_);
    }
    recording_.trace = life.read_only ? nullptr : &trace_;
}

Result<std::size_t> Stage::judge(const Life& life, const History& history, Window window) {
    TF_ASSIGN(mount_, machine_.mount(recording_, life.read_only, life.random_seed));
    mounted_at_ = trace_.size();
    TF_ASSIGN(const History::Prints prints, read_all());
    const auto found = history.explain(prints, window);
    if (!found) return fail(Errc::failed, "{}", history.why_not(contents_, window));
    if (!life.read_only) TF_TRY(mount_->disk->check_map());
    return *found;
}

Result<void> Stage::judge_again() {
    const auto before = History::prints_of(contents_);
    mount_.reset();
    TF_ASSIGN(mount_, machine_.mount(recording_, false, ++counters_.random_seed));
    TF_ASSIGN(const auto prints, read_all());
    if (prints != before) return fail(Errc::failed, "opened again, other contents");
    return {};
}

Result<History::Prints> Stage::read_all() {
    contents_.resize(machine_.blocks() * kBlockSize);
    for (std::size_t at = 0; at < contents_.size(); at += fs::kRequestMax)
        TF_TRY(mount_->disk->read(
            ByteOffset{at},
            MutableBytes(contents_).subspan(at, std::min(fs::kRequestMax, contents_.size() - at))));
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

void Stage::leave() { mount_.reset(); }

}  // namespace twofold::powercut
