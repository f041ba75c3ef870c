#pragma once
/* BridgePort: an audio port of ours on PJSIP's conference bridge.
 *
 * Theory. The bridge adds and removes ports asynchronously, on its own media thread, so a port may still be called after
 * its owner let go of it. Therefore the part that the media thread touches (a FrameHandler) is not the object Python
 * holds. It hangs on the pjmedia_port and is deleted by the port's group lock, once bridge and owner both let go.
 *
 * Two differences to pj::AudioMediaPort: no lock is taken per frame, and the port is not entered in the endpoint's media
 * list, because Endpoint::libDestroy() deletes what it finds there behind Python's back.
 */
#include <pjsua2.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace ringside {

/* What the media thread calls, one frame at a time: 16-bit mono samples. Must neither block nor enter Python. */
class FrameHandler {
public:
    virtual ~FrameHandler() {}
    /* Fill the frame that others will hear; false means silence, the frame is then left alone. */
    virtual bool produce(std::int16_t *samples, std::size_t count) { (void)samples; (void)count; return false; }
    /* Take the frame the bridge mixed for this port; null samples mean silence. */
    virtual void consume(const std::int16_t *samples, std::size_t count) { (void)samples; (void)count; }
};

class BridgePort : public pj::AudioMedia {
public:
    virtual ~BridgePort();
    BridgePort(const BridgePort &) = delete;
    BridgePort &operator=(const BridgePort &) = delete;

    /* Take the port off the bridge. Safe while connected, when called twice, and after libDestroy(). */
    void close();

protected:
    /* Put a port on the bridge. Takes ownership of the handler, also when it throws. */
    BridgePort(const std::string &name, unsigned clockRateHz, unsigned ptimeMs, FrameHandler *handler)
        PJSUA2_THROW(pj::Error);

private:
    FrameHandler *handler_;
    pjmedia_port *port_ = nullptr;
};

/* Make the calling thread known to pjlib, which aborts on foreign threads. Python's garbage collector runs anywhere. */
void registerThisThread();

} // namespace ringside
