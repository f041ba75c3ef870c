#pragma once
/* PcmRing: the memory both sides of a PcmPort share, in this process or, by name, with another one.
 *
 * Layout, little endian, one block of 512 + 4 * capacity bytes (telephony/native/shared_ring.py maps the same):
 *
 *   offset  type  meaning
 *        0  u32   magic 0x52535052            16  u32  capacity in samples, a power of two, same for both directions
 *        4  u32   version 1                   20  u32  samples of one bridge frame
 *        8  u32   clock rate in Hz            24  u32  1 once the port has been closed
 *       12  u32   ptime in ms
 *       64  u64   to bridge: samples written so far (writer's)
 *      128  u64   to bridge: samples played so far (bridge's)
 *      192  u64   from bridge: samples written so far (bridge's)
 *      256  u64   from bridge: samples read so far (reader's)
 *      320  u64   underruns     328  u64  silent frames     336  u64  lost samples (reader's)
 *      512  s16[capacity]  audio to the bridge, then s16[capacity]  audio from the bridge
 *
 * Theory. Indices only grow and are taken modulo the capacity; each has one writer and its own cache line.
 * To the bridge: the writer never passes the player, so a full ring refuses samples.
 * From the bridge: the bridge never waits and overwrites the oldest samples. A reader that was overtaken notices it by
 * the indices, also after copying (as with a seqlock), skips forward to half a ring and counts what it lost.
 */
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ringside {

struct PcmRingHeader {
    std::uint32_t magic, version, clockRateHz, ptimeMs, capacity, frameSamples;
    std::atomic<std::uint32_t> closed;
    alignas(64) std::atomic<std::uint64_t> toBridgeWritten;
    alignas(64) std::atomic<std::uint64_t> toBridgePlayed;
    alignas(64) std::atomic<std::uint64_t> fromBridgeWritten;
    alignas(64) std::atomic<std::uint64_t> fromBridgeRead;
    alignas(64) std::atomic<std::uint64_t> underruns;
    std::atomic<std::uint64_t> silentFrames, lostSamples;
    alignas(64) char reserved[128];
};
static_assert(sizeof(PcmRingHeader) == 512, "the layout is a contract with shared_ring.py");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "indices must be plain words in shared memory");

class PcmRing {
public:
    /* Allocate a ring of at least ringMs; with a name in POSIX shared memory (mode 0600, replaced if it exists).
     * Throws std::runtime_error when memory or name cannot be had. */
    PcmRing(unsigned clockRateHz, unsigned ptimeMs, unsigned ringMs, const std::string &sharedName);
    ~PcmRing();
    PcmRing(const PcmRing &) = delete;
    PcmRing &operator=(const PcmRing &) = delete;

    PcmRingHeader &header() { return *header_; }

    /* Application side. */
    std::size_t write(const std::int16_t *samples, std::size_t count);
    std::size_t read(std::int16_t *samples, std::size_t count);
    std::size_t available() const;
    std::size_t queued() const;

    /* Bridge side. play() returns how many samples it had; discard() forgets everything queued to the bridge. */
    std::size_t play(std::int16_t *samples, std::size_t count);
    void record(const std::int16_t *samples, std::size_t count);
    void discard(std::uint64_t upTo);

private:
    void copyIn(std::int16_t *ring, std::uint64_t at, const std::int16_t *samples, std::size_t count);
    void copyOut(const std::int16_t *ring, std::uint64_t at, std::int16_t *samples, std::size_t count);

    std::string sharedName_;
    std::size_t bytes_;
    PcmRingHeader *header_;
    std::int16_t *toBridge_, *fromBridge_;
    std::uint64_t mask_;
};

} // namespace ringside
