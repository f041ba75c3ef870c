#include "pcm_ring.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <stdexcept>

namespace ringside {

namespace {

constexpr std::uint32_t kMagic = 0x52535052;

void *mapBlock(std::size_t bytes, const std::string &name) {
    int flags = MAP_SHARED | MAP_ANONYMOUS, file = -1;
    if (!name.empty()) {
        if (name.find('/', 1) != std::string::npos || name.size() > 200)
            throw std::runtime_error("shared memory name must be one word: " + name);
        shm_unlink(name.c_str()); /* left over from a process that died */
        file = shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file < 0 || ftruncate(file, static_cast<off_t>(bytes)) != 0) {
            int error = errno;
            if (file >= 0)
                ::close(file);
            throw std::runtime_error("shared memory " + name + ": " + std::strerror(error));
        }
        flags = MAP_SHARED;
    }
    void *block = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, file, 0);
    if (file >= 0)
        ::close(file);
    if (block == MAP_FAILED)
        throw std::runtime_error(std::string("cannot map a PCM ring: ") + std::strerror(errno));
    return block;
}

} // namespace

PcmRing::PcmRing(unsigned clockRateHz, unsigned ptimeMs, unsigned ringMs, const std::string &sharedName)
    : sharedName_(sharedName.empty() || sharedName[0] == '/' ? sharedName : "/" + sharedName) {
    std::uint32_t frame = clockRateHz * ptimeMs / 1000, capacity = 256;
    std::uint64_t wanted = std::max<std::uint64_t>(std::uint64_t(clockRateHz) * ringMs / 1000, 4ull * frame);
    if (wanted > (1u << 24))
        throw std::runtime_error("a PCM ring holds at most 2^24 samples");
    while (capacity < wanted)
        capacity *= 2;
    bytes_ = sizeof(PcmRingHeader) + 2 * capacity * sizeof(std::int16_t);
    header_ = new (mapBlock(bytes_, sharedName_)) PcmRingHeader{};
    header_->version = 1;
    header_->clockRateHz = clockRateHz;
    header_->ptimeMs = ptimeMs;
    header_->capacity = capacity;
    header_->frameSamples = frame;
    toBridge_ = reinterpret_cast<std::int16_t *>(header_ + 1);
    fromBridge_ = toBridge_ + capacity;
    mask_ = capacity - 1;
    std::atomic_thread_fence(std::memory_order_release);
    header_->magic = kMagic; /* last: a reader that sees it sees the rest */
}

PcmRing::~PcmRing() {
    header_->closed.store(1, std::memory_order_release);
    if (!sharedName_.empty())
        shm_unlink(sharedName_.c_str());
    munmap(header_, bytes_);
}

void PcmRing::copyIn(std::int16_t *ring, std::uint64_t at, const std::int16_t *samples, std::size_t count) {
    std::size_t start = at & mask_, first = std::min<std::size_t>(count, mask_ + 1 - start);
    std::memcpy(ring + start, samples, first * sizeof(*samples));
    std::memcpy(ring, samples + first, (count - first) * sizeof(*samples));
}

void PcmRing::copyOut(const std::int16_t *ring, std::uint64_t at, std::int16_t *samples, std::size_t count) {
    std::size_t start = at & mask_, first = std::min<std::size_t>(count, mask_ + 1 - start);
    std::memcpy(samples, ring + start, first * sizeof(*samples));
    std::memcpy(samples + first, ring, (count - first) * sizeof(*samples));
}

std::size_t PcmRing::write(const std::int16_t *samples, std::size_t count) {
    std::uint64_t written = header_->toBridgeWritten.load(std::memory_order_relaxed);
    std::uint64_t used = written - header_->toBridgePlayed.load(std::memory_order_acquire);
    count = std::min<std::size_t>(count, mask_ + 1 - std::min<std::uint64_t>(used, mask_ + 1));
    copyIn(toBridge_, written, samples, count);
    header_->toBridgeWritten.store(written + count, std::memory_order_release);
    return count;
}

std::size_t PcmRing::play(std::int16_t *samples, std::size_t count) {
    std::uint64_t played = header_->toBridgePlayed.load(std::memory_order_relaxed);
    std::uint64_t queued = header_->toBridgeWritten.load(std::memory_order_acquire) - played;
    count = std::min<std::size_t>(count, std::min<std::uint64_t>(queued, mask_ + 1));
    copyOut(toBridge_, played, samples, count);
    header_->toBridgePlayed.store(played + count, std::memory_order_release);
    return count;
}

void PcmRing::discard(std::uint64_t upTo) {
    if (upTo > header_->toBridgePlayed.load(std::memory_order_relaxed))
        header_->toBridgePlayed.store(upTo, std::memory_order_release);
}

void PcmRing::record(const std::int16_t *samples, std::size_t count) {
    static const std::int16_t silence[5760] = {}; /* the longest frame: 120 ms at 48 kHz */
    std::uint64_t written = header_->fromBridgeWritten.load(std::memory_order_relaxed);
    copyIn(fromBridge_, written, samples ? samples : silence, count);
    header_->fromBridgeWritten.store(written + count, std::memory_order_release);
}

std::size_t PcmRing::read(std::int16_t *samples, std::size_t count) {
    const std::uint64_t capacity = mask_ + 1, frame = header_->frameSamples;
    std::uint64_t at = header_->fromBridgeRead.load(std::memory_order_relaxed), lost = 0;
    std::size_t got = 0;
    for (int attempt = 0; attempt < 4; ++attempt) {
        std::uint64_t written = header_->fromBridgeWritten.load(std::memory_order_acquire);
        if (written + frame - at > capacity) { /* overtaken, or about to be */
            lost += written - capacity / 2 - at;
            at = written - capacity / 2;
        }
        got = std::min<std::uint64_t>(count, written - at);
        copyOut(fromBridge_, at, samples, got);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (header_->fromBridgeWritten.load(std::memory_order_relaxed) + frame - at <= capacity)
            break; /* nothing was overwritten while we copied */
        got = 0;
    }
    header_->fromBridgeRead.store(at + got, std::memory_order_release);
    header_->lostSamples.fetch_add(lost, std::memory_order_relaxed);
    return got;
}

std::size_t PcmRing::available() const {
    std::uint64_t waiting = header_->fromBridgeWritten.load(std::memory_order_acquire) -
                            header_->fromBridgeRead.load(std::memory_order_relaxed);
    return std::min<std::uint64_t>(waiting, mask_ + 1 - header_->frameSamples);
}

std::size_t PcmRing::queued() const {
    return header_->toBridgeWritten.load(std::memory_order_relaxed) -
           header_->toBridgePlayed.load(std::memory_order_acquire);
}

} // namespace ringside
