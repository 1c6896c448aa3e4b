// Writing a header: a new one, repair, and the KEK rewrap (format, section 10).
#include "fs/disk/header.h"
#include "fs/disk/rule.h"

namespace twofold::fs {

namespace {

using crypto::Layer;

constexpr std::size_t at(HeaderCopy copy) { return static_cast<std::size_t>(copy); }
// The order of every header write: a cut leaves copy A, or copy B, whole.
std::array<HeaderCopy, 2> write_order() {
    if (broken(Rule::copy_b_is_written_first)) return {HeaderCopy::a, HeaderCopy::b};
    return {HeaderCopy::b, HeaderCopy::a};
}

}  // namespace

Result<void> Header::write_new(io::File& file, const StaticSector& facts,
                               const std::array<crypto::Envelope, 2>& envelopes,
                               const DiskKeys& keys, const SyncFunction& sync) {
    std::array<PageBytes, kHeaderSectors> sectors{};
    TF_ASSIGN(sectors[0], facts.encode(keys.header_mac()));
    for (const Layer layer : {Layer::one, Layer::two}) {
        if (!facts.active().has(layer)) continue;
        const EnvelopePlace place{layer, facts.active().layer(layer).bank, 0};
        const EnvelopeSector sector{layer, facts.disk, envelopes[layer == Layer::one ? 0 : 1]};
        TF_ASSIGN(sectors[place.sector()], sector.encode(keys.envelope_key(layer)));
    }
    const std::vector<Bytes> parts(sectors.begin(), sectors.end());
    for (const HeaderCopy copy : write_order()) {
        TF_TRY(file.write(header_offset(copy), parts));
        TF_TRY(sync());
    }
    return {};
}

std::optional<crypto::Envelope> Header::slot(EnvelopePlace place) const {
    const std::lock_guard lock(mutex_);
    auto parsed = EnvelopeSector::parse(image_.sectors[place.sector()]);
    TF_CHECK(parsed.has_value());  // nothing else gets into image_
    if (!*parsed) return {};
    return (*parsed)->envelope;
}

Result<crypto::Envelope> Header::envelope(Layer layer) const {
    std::optional<crypto::Envelope> best;
    if (facts_.active().has(layer))
        for (const std::uint8_t n : {std::uint8_t{0}, std::uint8_t{1}}) {
            auto found = slot({layer, facts_.active().layer(layer).bank, n});
            if (found && (!best || found->generation > best->generation)) best = std::move(found);
        }
    if (best) return std::move(*best);
    return fail(Errc::not_found, "header: no envelope of layer {}", static_cast<int>(layer));
}

Result<void> Header::write(io::File& file, HeaderCopy copy, std::uint32_t sector,
                           const PageBytes& bytes) {
    auto written = file.write(header_offset(copy) + sector * kSectorSize, Bytes(bytes));
    if (written) return written;
    const std::lock_guard lock(mutex_);
    write_failed_ = true;
    return written;
}

bool Header::write_failed() const {
    const std::lock_guard lock(mutex_);
    return write_failed_;
}

bool Header::in_both_copies() const {
    const std::lock_guard lock(mutex_);
    return !image_.differ[at(HeaderCopy::a)][0] && !image_.differ[at(HeaderCopy::b)][0];
}

// Until the sync is done the sector counts as different from what it ought to be.
Result<void> Header::put(io::File& file, HeaderCopy copy, std::uint32_t sector,
                         const PageBytes& bytes, const SyncFunction& sync) {
    {
        const std::lock_guard lock(mutex_);
        image_.differ[at(copy)][sector] = true;
    }
    TF_TRY(write(file, copy, sector, bytes));
    if (!broken(Rule::copy_is_synced_before_the_other)) TF_TRY(sync());
    const std::lock_guard lock(mutex_);
    image_.differ[at(copy)][sector] = bytes != image_.sectors[sector];
    return {};
}

std::size_t Header::sectors_that_differ() const {
    const std::lock_guard lock(mutex_);
    return image_.differ[0].count() + image_.differ[1].count();
}

std::vector<std::byte> Header::encoded() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::byte> out;
    out.reserve(kHeaderSize);
    for (const PageBytes& sector : image_.sectors)
        out.insert(out.end(), sector.begin(), sector.end());
    return out;
}

Result<void> Header::repair(io::File& file, const SyncFunction& sync) {
    const std::lock_guard lock(writing_);
    return repair_differences(file, sync);
}

Result<void> Header::repair_differences(io::File& file, const SyncFunction& sync) {
    for (const HeaderCopy copy : write_order()) {
        Image image;
        {
            const std::lock_guard lock(mutex_);
            image = image_;
        }
        if (image.differ[at(copy)].none()) continue;
        for (std::uint32_t i = 0; i < kHeaderSectors; ++i)
            if (image.differ[at(copy)][i]) TF_TRY(write(file, copy, i, image.sectors[i]));
        TF_TRY(sync());
        const std::lock_guard lock(mutex_);
        image_.differ[at(copy)].reset();
    }
    return {};
}

// One rewrap under way. The steps are in the order of run().
struct Header::Rewrap {
    Header& header;
    io::File& file;
    const Layer layer;
    const DiskKeys& keys;
    crypto::RandomSource& random;
    const SyncFunction& sync;
    const std::function<Result<void>(const crypto::Envelope&)>& proof;

    EnvelopePlace keep{}, target{};
    std::uint64_t newest = 0;  // generation

    Result<void> run(Bytes record) {
        TF_TRY(choose());
        TF_ASSIGN(const PageBytes sector, write(record));
        auto proven = read_back(sector);
        // Unproven it must not stay: the next rewrap would take it for the live one.
        if (!proven) {
            TF_TRY(overwrite(target));
            return proven;
        }
        return broken(Rule::retired_envelope_is_overwritten) ? Result<void>() : overwrite(keep);
    }

    // Two live envelopes are left of a rewrap that was cut. The newer one may never have been
    // proved: then it is the one to write over.
    Result<void> choose() {
        const std::uint8_t bank = header.facts_.active().layer(layer).bank;
        const EnvelopePlace zero{layer, bank, 0}, one{layer, bank, 1};
        const auto first = header.slot(zero), second = header.slot(one);
        if (!first && !second)
            return fail(Errc::not_found, "header: no envelope of layer {}",
                        static_cast<int>(layer));
        const bool second_newer = second && (!first || second->generation > first->generation);
        const auto& newer = second_newer ? second : first;
        newest = newer->generation;
        const bool keep_newer = !first || !second || proof(*newer).has_value();
        keep = second_newer == keep_newer ? one : zero;
        target = second_newer == keep_newer ? zero : one;
        return {};
    }

    Result<PageBytes> write(Bytes record) {
        EnvelopeSector sector{layer, header.facts_.disk, {}};
        sector.envelope.generation = newest + 1;
        sector.envelope.dek = header.facts_.active().layer(layer).dek;
        sector.envelope.record.assign(record.begin(), record.end());
        TF_ASSIGN(const PageBytes bytes, sector.encode(keys.envelope_key(layer)));
        for (const HeaderCopy copy : write_order())
            TF_TRY(header.put(file, copy, target.sector(), bytes, sync));
        return bytes;
    }

    Result<void> read_back(const PageBytes& written) {
        for (const HeaderCopy copy : write_order()) {
            PageBytes found;
            TF_TRY(file.read(target.offset(copy), found));
            if (found != written)
                return fail(Errc::damaged, "header: envelope reads back differently");
        }
        TF_ASSIGN(const auto parsed, EnvelopeSector::parse(written));
        if (!broken(Rule::new_envelope_is_proved)) TF_TRY(proof(parsed->envelope));
        const std::lock_guard lock(header.mutex_);
        header.image_.sectors[target.sector()] = written;
        for (auto& differ : header.image_.differ) differ[target.sector()] = false;
        return {};
    }

    // A retired envelope must not survive: whoever gets the old KEK later shall find nothing to
    // open.
    Result<void> overwrite(EnvelopePlace place) {
        {
            const std::lock_guard lock(header.mutex_);
            header.image_.sectors[place.sector()] = {};
        }
        PageBytes noise;
        TF_TRY(random.fill(noise));
        for (const PageBytes& bytes : {noise, PageBytes{}}) {
            for (const HeaderCopy copy : write_order())
                TF_TRY(
                    header.put(file, copy, place.sector(), bytes, [] { return Result<void>(); }));
            TF_TRY(sync());
        }
        return {};
    }
};

Result<void> Header::rewrap(io::File& file, Layer layer, Bytes record, const DiskKeys& keys,
                            crypto::RandomSource& random, const SyncFunction& sync,
                            const std::function<Result<void>(const crypto::Envelope&)>& proof) {
    const std::lock_guard lock(writing_);
    if (!facts_.active().has(layer))
        return fail(Errc::not_found, "header: the disk has no layer {}", static_cast<int>(layer));
    TF_TRY(repair_differences(file, sync));
    return Rewrap{*this, file, layer, keys, random, sync, proof}.run(record);
}

}  // namespace twofold::fs
