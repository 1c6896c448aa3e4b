#include <cstring>

#include "fs/seal/seal.h"

namespace twofold::fs {

namespace {

using TagSpan = std::span<std::byte, crypto::kTagSize>;

MutableBytes block_of(MutableBytes sealed) { return sealed.first(kBlockSize); }
TagSpan tag_of(MutableBytes sealed) { return sealed.subspan(kBlockSize).first<crypto::kTagSize>(); }
void copy_tag(TagSpan to, crypto::TagView from) {
    std::memcpy(to.data(), from.data(), crypto::kTagSize);
}

Result<void> another_keyset(const SealInfo& info) {
    return fail(Errc::corrupt, "block {}: sealed under keyset {}", info.index.value(), info.keyset);
}

}  // namespace

Result<SealStack> SealStack::create(std::uint32_t keyset,
                                    std::vector<std::unique_ptr<Seal>> seals) {
    for (const auto& seal : seals) TF_CHECK(seal != nullptr);
    if (seals.empty() || seals.size() > 2)
        return fail(Errc::unsupported, "disk of {} layers: one or two are possible", seals.size());
    if (!has_tag(seals.front()->suite()))
        return fail(Errc::unsupported, "suite {}: only around an authenticated layer",
                    static_cast<int>(seals.front()->suite()));
    if (seals.size() == 2 && (seals.front()->layer() != crypto::Layer::two ||
                              seals.back()->layer() != crypto::Layer::one))
        return fail(Errc::unsupported, "layers: 2 belongs inside, 1 outside");
    return SealStack(keyset, std::move(seals));
}

Result<void> SealStack::seal(SealInfo& info, MutableBytes sealed) const {
    TF_CHECK(sealed.size() == kSealedSize);
    info.keyset = keyset_;
    info.outer_tag = {};
    info.inner_tag = {};
    const Seal& inner = *seals_.front();
    if (seals_.size() == 1)
        return inner.seal(info.index, info.nonce, block_of(sealed), only_tag(info));
    // C1 || T2, t1 = outer(C2 || t2)
    TF_TRY(inner.seal(info.index, info.nonce, block_of(sealed), tag_of(sealed)));
    TF_TRY(seals_.back()->seal(info.index, info.nonce, sealed, info.outer_tag));
    copy_tag(info.inner_tag, tag_of(sealed));
    return {};
}

Result<void> SealStack::open(const SealInfo& info, MutableBytes sealed) const {
    SealInfo inside = info;
    TF_TRY(open_outer(inside, sealed));
    if (seals_.size() == 1) return {};
    auto opened =
        seals_.front()->open(info.index, info.nonce, block_of(sealed), inside.inner_tag);
    if (!opened) crypto::wipe(sealed);
    return opened;
}

Result<void> SealStack::open_outer(SealInfo& info, MutableBytes sealed) const {
    TF_CHECK(sealed.size() == kSealedSize);
    auto opened = info.keyset != keyset_ ? another_keyset(info)
                        : seals_.size() == 1   ? open_only(info, sealed)
                                               : open_around(info, sealed);
    if (!opened) crypto::wipe(sealed);
    return opened;
}

Result<bool> SealStack::verify(const SealInfo& info, MutableBytes sealed) const {
    SealInfo outside = info;
    const bool outer_alone = has_tag(seals_.back()->suite());
    auto opened = outer_alone ? open_outer(outside, sealed) : open(info, sealed);
    if (opened) return true;
    if (opened.error().code == Errc::unauthentic) return false;
    return fail(opened.error());
}

// The tag of the other layer must be zero, as seal() leaves it: nothing in an entry goes unchecked.
Result<void> SealStack::open_only(const SealInfo& info, MutableBytes sealed) const {
    const Seal& only = *seals_.front();
    const bool outer = only.layer() == crypto::Layer::one;
    if (!all_zero(outer ? info.inner_tag : info.outer_tag))
        return fail(Errc::unauthentic, "layer {}", outer ? 2 : 1);
    return only.open(info.index, info.nonce, block_of(sealed),
                     outer ? info.outer_tag : info.inner_tag);
}

Result<void> SealStack::open_around(SealInfo& info, MutableBytes sealed) const {
    copy_tag(tag_of(sealed), info.inner_tag);
    TF_TRY(seals_.back()->open(info.index, info.nonce, sealed, info.outer_tag));
    copy_tag(info.inner_tag, tag_of(sealed));
    return {};
}

crypto::MutableTag SealStack::only_tag(SealInfo& info) const {
    return seals_.front()->layer() == crypto::Layer::one ? info.outer_tag : info.inner_tag;
}

}  // namespace twofold::fs
