#include "pcm_port.hpp"

#include "errors.hpp"
#include "pcm_ring.hpp"

#include <algorithm>

namespace ringside {

struct PcmPort::State {
    State(unsigned clockRateHz, unsigned ptimeMs, unsigned ringMs, const std::string &sharedName)
        : ring(clockRateHz, ptimeMs, ringMs, sharedName) {}

    PcmRing ring;
    std::atomic<std::uint64_t> flushUpTo{0};
    std::atomic<unsigned> primeSamples{0};
};

namespace {

class PcmHandler : public FrameHandler {
public:
    explicit PcmHandler(std::shared_ptr<PcmPort::State> state) : state_(std::move(state)) {}

    bool produce(std::int16_t *samples, std::size_t count) override {
        PcmRing &ring = state_->ring;
        ring.discard(state_->flushUpTo.load(std::memory_order_acquire));
        std::size_t got = 0, needed = std::max(state_->primeSamples.load(std::memory_order_relaxed), 1u);
        if (flowing_ || ring.queued() >= needed)
            got = ring.play(samples, count);
        if (got < count) {
            std::fill(samples + got, samples + count, std::int16_t(0));
            if (flowing_ || got)
                ring.header().underruns.fetch_add(1, std::memory_order_relaxed);
            if (!got)
                ring.header().silentFrames.fetch_add(1, std::memory_order_relaxed);
        }
        flowing_ = got == count;
        return got > 0;
    }

    void consume(const std::int16_t *samples, std::size_t count) override { state_->ring.record(samples, count); }

private:
    std::shared_ptr<PcmPort::State> state_;
    bool flowing_ = false;
};

/* The ring reports failure in plain C++; pjsua2 callers expect pj::Error. */
std::shared_ptr<PcmPort::State> makeState(unsigned clockRateHz, unsigned ptimeMs, unsigned ringMs,
                                          const std::string &sharedName) {
    try {
        return std::make_shared<PcmPort::State>(clockRateHz, ptimeMs, ringMs, sharedName);
    } catch (const std::exception &error) {
        fail(PJ_ENOMEM, "PcmPort", error.what());
    }
}

} // namespace

PcmPort::PcmPort(const std::string &name, unsigned clockRateHz, unsigned ptimeMs, unsigned ringMs,
                 const std::string &sharedMemoryName) PJSUA2_THROW(pj::Error)
    : PcmPort(name, clockRateHz, ptimeMs, makeState(clockRateHz, ptimeMs, ringMs, sharedMemoryName)) {}

PcmPort::PcmPort(const std::string &name, unsigned clockRateHz, unsigned ptimeMs, std::shared_ptr<State> state)
    PJSUA2_THROW(pj::Error)
    : BridgePort(name, clockRateHz, ptimeMs, new PcmHandler(state)), state_(std::move(state)) {}

std::size_t PcmPort::writeSamples(const std::int16_t *samples, std::size_t count) {
    return state_->ring.write(samples, count);
}

std::size_t PcmPort::readSamples(std::int16_t *samples, std::size_t count) { return state_->ring.read(samples, count); }

int PcmPort::available() const { return static_cast<int>(state_->ring.available()); }

int PcmPort::queued() const { return static_cast<int>(state_->ring.queued()); }

int PcmPort::frameSamples() const { return static_cast<int>(state_->ring.header().frameSamples); }

int PcmPort::capacity() const { return static_cast<int>(state_->ring.header().capacity); }

void PcmPort::flush() { state_->flushUpTo.store(state_->ring.header().toBridgeWritten.load()); }

void PcmPort::setPrimeMs(unsigned primeMs) {
    PcmRingHeader &header = state_->ring.header();
    state_->primeSamples.store(std::min(header.clockRateHz / 1000 * primeMs, header.capacity / 2));
}

long long PcmPort::underruns() const { return static_cast<long long>(state_->ring.header().underruns.load()); }

long long PcmPort::silentFrames() const { return static_cast<long long>(state_->ring.header().silentFrames.load()); }

long long PcmPort::overruns() const { return static_cast<long long>(state_->ring.header().lostSamples.load()); }

} // namespace ringside
