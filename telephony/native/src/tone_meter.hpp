#pragma once
/* ToneMeter: which test tones are in the audio the bridge sends here, since when, and with what gaps.
 *
 * Theory. Every hop the last window of samples, weighted by a Hann window, is measured by one Goertzel filter per tone.
 * A tone is present while its amplitude is above the threshold, at least half of what it recently was (decaying by half in
 * 500 ms), and at least 15 % of everything in the window, so that the click at the start of another tone does not count.
 * A hole is thus measured as long as it was, within one hop, provided it is longer than half a window; shorter ones are
 * missed. A 40 ms window tells tones apart that are 100 Hz or more apart; a 10 ms hop is the resolution in time.
 * Time is media time: samples received from the bridge, silence included.
 */
#include "bridge_port.hpp"

#include <memory>
#include <vector>

namespace ringside {

class ToneMeter : public BridgePort {
public:
    /* Put a meter on the bridge; connect with other.startTransmit(meter). At most 16 frequencies, in Hz. */
    ToneMeter(const std::string &name, unsigned clockRateHz, const std::vector<double> &frequencies,
              unsigned windowMs = 40, unsigned hopMs = 10) PJSUA2_THROW(pj::Error);

    /* Is tone i (index into frequencies) heard now? */
    bool present(unsigned i) const PJSUA2_THROW(pj::Error);
    /* Media time since reset() at which tone i was first heard; -1 if not yet. Up to one window too early. */
    double firstHeardMs(unsigned i) const PJSUA2_THROW(pj::Error);
    /* The same on the clock of Python's time.monotonic(), in seconds; -1 if not yet. */
    double firstHeardAt(unsigned i) const PJSUA2_THROW(pj::Error);
    /* Longest time without tone i since armGap(i) or reset(), a gap still open included. */
    double longestGapMs(unsigned i) const PJSUA2_THROW(pj::Error);
    /* Total time tone i was heard since reset(). */
    double heardMs(unsigned i) const PJSUA2_THROW(pj::Error);
    /* Amplitude of tone i in the last window, as the peak of a sine, in dB of full scale; -120 when silent. */
    double toneDbfs(unsigned i) const PJSUA2_THROW(pj::Error);
    /* Level of everything in the last window (RMS, full-scale sine = -3), in dB of full scale; -120 when silent. */
    double levelDbfs() const;
    /* Media time received since reset(). */
    double elapsedMs() const;

    /* Forget what was heard. */
    void reset();
    /* Start measuring gaps of tone i from now on. */
    void armGap(unsigned i) PJSUA2_THROW(pj::Error);
    /* Below this a tone does not count as heard. Default -40 dB of full scale. */
    void setThresholdDbfs(double dbfs);

#ifndef SWIG
    struct State;

private:
    ToneMeter(const std::string &name, unsigned clockRateHz, std::shared_ptr<State> state) PJSUA2_THROW(pj::Error);
    std::shared_ptr<State> state_;
#endif
};

} // namespace ringside
