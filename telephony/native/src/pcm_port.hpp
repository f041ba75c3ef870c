#pragma once
/* PcmPort: PCM in and out of the conference bridge without Python on the media clock.
 *
 * Theory. All legs share one media thread. It reads and writes a PcmRing and never waits, so a stalled writer is heard as
 * silence on this port alone, and a stalled reader loses old samples of this port alone. Samples are 16-bit mono, native
 * (little endian); the bridge converts clock rates. The bridge asks a port for audio only while it transmits to somebody:
 * what is written before waits in the ring.
 */
#include "bridge_port.hpp"

#include <memory>

namespace ringside {

class PcmPort : public BridgePort {
public:
    /* Put a port on the bridge. With a sharedMemoryName the rings are visible to other processes (see pcm_ring.hpp). */
    PcmPort(const std::string &name, unsigned clockRateHz = 16000, unsigned ptimeMs = 20, unsigned ringMs = 400,
            const std::string &sharedMemoryName = "") PJSUA2_THROW(pj::Error);

    /* Samples the bridge mixed for us that wait to be read. */
    int available() const;
    /* Samples written that the bridge has not yet played. */
    int queued() const;
    /* Samples of one bridge frame at this port's clock rate. */
    int frameSamples() const;
    /* Samples each direction can hold. */
    int capacity() const;

    /* Forget what is written but not yet played (a caller interrupts a prompt). Takes effect with the next frame. */
    void flush();
    /* After running dry, stay silent until this much has been written: evens out a jittery writer. Default 0. */
    void setPrimeMs(unsigned primeMs);

    /* How often audio to the bridge ran dry after having flowed; an idle port counts nothing. */
    long long underruns() const;
    /* Frames played as silence for lack of samples, idle time included. */
    long long silentFrames() const;
    /* Samples from the bridge that read() lost because it came too late; the oldest go first. */
    long long overruns() const;

#ifndef SWIG
    /* For the Python layer: write() and read() of telephony/native/ringside.i. */
    std::size_t writeSamples(const std::int16_t *samples, std::size_t count);
    std::size_t readSamples(std::int16_t *samples, std::size_t count);

    struct State;

private:
    PcmPort(const std::string &name, unsigned clockRateHz, unsigned ptimeMs, std::shared_ptr<State> state)
        PJSUA2_THROW(pj::Error);
    std::shared_ptr<State> state_; /* shared with the media side, so reading counters after close() is harmless */
#endif
};

} // namespace ringside
