#include "tone_meter.hpp"

#include "errors.hpp"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cmath>

namespace ringside {

namespace {

constexpr unsigned kMaxTones = 16;
constexpr double kSilenceDbfs = -120.0, kPi = 3.14159265358979323846;

double toDbfs(double amplitude) { return amplitude > 1e-6 ? 20 * std::log10(amplitude) : kSilenceDbfs; }

double monotonicSeconds() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + now.tv_nsec * 1e-9;
}

} // namespace

/* Written by the media thread, read by Python. Wishes of the reader (reset, arm) are counters that the media thread
 * follows at its next hop; until then the getters answer as if it had, so a wish holds from the moment it is made. */
struct ToneMeter::State {
    struct Tone {
        double coefficient = 0, recent = 0;             /* media thread only */
        std::int64_t gapHops = 0;                       /* hops since last heard; media thread only */
        unsigned armsSeen = 0;                          /* media thread only */
        std::atomic<unsigned> arms{0}, armsDone{0};
        std::atomic<bool> present{false};
        std::atomic<std::int64_t> firstHop{-1}, heardHops{0}, longestGap{0};
        std::atomic<double> firstAt{-1}, amplitude{0};
    };

    State(unsigned rate, const std::vector<double> &frequencies, unsigned windowMs, unsigned hopMs)
        : hopMs(hopMs), hop(rate * hopMs / 1000), window(rate * windowMs / 1000), count(frequencies.size()),
          weights(window), samples(2 * window) {
        for (std::size_t n = 0; n < window; ++n)
            weights[n] = static_cast<float>(1 - std::cos(2 * kPi * (n + 0.5) / window)); /* Hann, mean 1 */
        for (std::size_t i = 0; i < count; ++i)
            tones[i].coefficient = 2 * std::cos(2 * kPi * frequencies[i] / rate);
        decay = std::pow(0.5, hopMs / 500.0);
    }

    /* The window is kept twice, so that its last `window` samples always lie in one piece. */
    void add(float sample) {
        samples[at] = samples[at + window] = sample;
        at = at + 1 == window ? 0 : at + 1;
        if (++sinceHop == hop) {
            sinceHop = 0;
            measure(samples.data() + at);
        }
    }

    void measure(const float *first) {
        followReset();
        std::int64_t now = hops.load(std::memory_order_relaxed) + 1;
        double energy = 0;
        for (std::size_t n = 0; n < window; ++n)
            energy += first[n] * first[n];
        double rms = std::sqrt(energy / window);
        level.store(rms, std::memory_order_relaxed);
        double floor = std::max(threshold.load(std::memory_order_relaxed), 0.15 * std::sqrt(2) * rms);
        for (std::size_t i = 0; i < count; ++i)
            follow(tones[i], rms > 0 ? goertzel(first, tones[i].coefficient) : 0, floor, now);
        hops.store(now, std::memory_order_release);
    }

    double goertzel(const float *first, double coefficient) const {
        double a = 0, b = 0;
        for (std::size_t n = 0; n < window; ++n) {
            double c = weights[n] * first[n] + coefficient * a - b;
            b = a;
            a = c;
        }
        return 2 * std::sqrt(std::max(0.0, a * a + b * b - coefficient * a * b)) / window;
    }

    void follow(Tone &tone, double amplitude, double floor, std::int64_t now) {
        unsigned arms = tone.arms.load(std::memory_order_acquire);
        if (arms != tone.armsSeen) {
            tone.armsSeen = arms;
            tone.gapHops = 0;
            tone.longestGap.store(0);
            tone.armsDone.store(arms, std::memory_order_release);
        }
        bool heard = amplitude >= std::max(floor, tone.recent / 2);
        tone.recent = std::max(amplitude, tone.recent * decay);
        tone.amplitude.store(amplitude, std::memory_order_relaxed);
        tone.present.store(heard, std::memory_order_relaxed);
        if (heard) {
            tone.gapHops = 0;
            tone.heardHops.fetch_add(1, std::memory_order_relaxed);
            if (tone.firstHop.load(std::memory_order_relaxed) < 0) {
                tone.firstAt.store(monotonicSeconds(), std::memory_order_relaxed);
                tone.firstHop.store(now, std::memory_order_release);
            }
        } else if (++tone.gapHops > tone.longestGap.load(std::memory_order_relaxed)) {
            tone.longestGap.store(tone.gapHops, std::memory_order_relaxed);
        }
    }

    void followReset() {
        unsigned wanted = resets.load(std::memory_order_acquire);
        if (wanted == resetsDone.load(std::memory_order_relaxed))
            return;
        for (std::size_t i = 0; i < count; ++i) {
            Tone &tone = tones[i];
            tone.recent = 0;
            tone.gapHops = 0;
            tone.firstHop.store(-1);
            tone.firstAt.store(-1);
            tone.heardHops.store(0);
            tone.longestGap.store(0);
        }
        std::fill(samples.begin(), samples.end(), 0.0f); /* what was heard before must not count after */
        hops.store(0);
        resetsDone.store(wanted, std::memory_order_release);
    }

    bool settled() const { return resets.load() == resetsDone.load(std::memory_order_acquire); }

    const Tone &tone(unsigned i) const {
        if (i >= count)
            fail(PJ_EINVAL, "ToneMeter", "no such tone");
        return tones[i];
    }

    const unsigned hopMs;
    const std::size_t hop, window, count;
    double decay;
    std::vector<float> weights, samples;
    std::size_t at = 0, sinceHop = 0;
    Tone tones[kMaxTones];
    std::atomic<double> threshold{0.01}, level{0};
    std::atomic<std::int64_t> hops{0};
    std::atomic<unsigned> resets{0}, resetsDone{0};
};

namespace {

class MeterHandler : public FrameHandler {
public:
    explicit MeterHandler(std::shared_ptr<ToneMeter::State> state) : state_(std::move(state)) {}

    void consume(const std::int16_t *samples, std::size_t count) override {
        for (std::size_t n = 0; n < count; ++n)
            state_->add(samples ? samples[n] / 32768.0f : 0.0f);
    }

private:
    std::shared_ptr<ToneMeter::State> state_;
};

std::shared_ptr<ToneMeter::State> makeState(unsigned rate, const std::vector<double> &frequencies, unsigned windowMs,
                                            unsigned hopMs) {
    bool fits = frequencies.size() <= kMaxTones && rate >= 8000 && rate <= 48000 && hopMs >= 5 && hopMs <= windowMs &&
                windowMs <= 1000 && rate * hopMs % 1000 == 0 && rate * windowMs % 1000 == 0;
    for (double frequency : frequencies)
        fits = fits && frequency > 0 && frequency < rate / 2.0;
    if (!fits)
        fail(PJ_EINVAL, "ToneMeter", "at most 16 tones below half the clock rate, 5 <= hop <= window ms");
    return std::make_shared<ToneMeter::State>(rate, frequencies, windowMs, hopMs);
}

} // namespace

ToneMeter::ToneMeter(const std::string &name, unsigned clockRateHz, const std::vector<double> &frequencies,
                     unsigned windowMs, unsigned hopMs) PJSUA2_THROW(pj::Error)
    : ToneMeter(name, clockRateHz, makeState(clockRateHz, frequencies, windowMs, hopMs)) {}

ToneMeter::ToneMeter(const std::string &name, unsigned clockRateHz, std::shared_ptr<State> state)
    PJSUA2_THROW(pj::Error)
    : BridgePort(name, clockRateHz, 20, new MeterHandler(state)), state_(std::move(state)) {}

bool ToneMeter::present(unsigned i) const { return state_->tone(i).present.load() && state_->settled(); }

double ToneMeter::firstHeardMs(unsigned i) const {
    std::int64_t hop = state_->tone(i).firstHop.load(std::memory_order_acquire);
    return state_->settled() && hop >= 0 ? static_cast<double>(hop) * state_->hopMs : -1;
}

double ToneMeter::firstHeardAt(unsigned i) const {
    bool known = state_->tone(i).firstHop.load(std::memory_order_acquire) >= 0 && state_->settled();
    return known ? state_->tone(i).firstAt.load() : -1;
}

double ToneMeter::longestGapMs(unsigned i) const {
    const State::Tone &tone = state_->tone(i);
    bool armed = tone.arms.load() == tone.armsDone.load(std::memory_order_acquire);
    return armed && state_->settled() ? static_cast<double>(tone.longestGap.load()) * state_->hopMs : 0;
}

double ToneMeter::heardMs(unsigned i) const {
    return state_->settled() ? static_cast<double>(state_->tone(i).heardHops.load()) * state_->hopMs : 0;
}

double ToneMeter::toneDbfs(unsigned i) const { return toDbfs(state_->tone(i).amplitude.load()); }

double ToneMeter::levelDbfs() const { return toDbfs(state_->level.load()); }

double ToneMeter::elapsedMs() const {
    return state_->settled() ? static_cast<double>(state_->hops.load()) * state_->hopMs : 0;
}

void ToneMeter::reset() { state_->resets.fetch_add(1); }

void ToneMeter::armGap(unsigned i) { const_cast<State::Tone &>(state_->tone(i)).arms.fetch_add(1); }

void ToneMeter::setThresholdDbfs(double dbfs) { state_->threshold.store(std::pow(10, dbfs / 20)); }

} // namespace ringside
