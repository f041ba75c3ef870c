#pragma once
/* Wakeup: lets any thread end a blocking libHandleEvents() at once.
 *
 * Theory. libHandleEvents() sleeps in the SIP endpoint's I/O queue, so a byte on a socket registered there ends the sleep.
 * A flag keeps a burst of wake() calls down to one byte; it is cleared before the owner runs its commands, so a wake()
 * that comes later is never lost. wake() is one system call and needs no pjlib registration of its thread.
 */
#include <pjsua2.hpp>

#include <atomic>

namespace ringside {

class Wakeup {
public:
    Wakeup();
    ~Wakeup();
    Wakeup(const Wakeup &) = delete;
    Wakeup &operator=(const Wakeup &) = delete;

    /* Register with the endpoint; after libInit(), on the thread that runs libHandleEvents(). */
    void start() PJSUA2_THROW(pj::Error);
    /* Make the running, or else the next, libHandleEvents() return now. From any thread; no effect when stopped. */
    void wake();
    /* Unregister; on the owner thread, before libDestroy(). */
    void stop();
    /* How often the owner was in fact woken. */
    long long wakes() const;

#ifndef SWIG
private:
    static void onRead(pj_ioqueue_key_t *key, pj_ioqueue_op_key_t *operation, pj_ssize_t bytes);
    void listen();

    int inside_ = -1, outside_ = -1;
    pj_pool_t *pool_ = nullptr;
    pj_ioqueue_key_t *key_ = nullptr;
    pj_ioqueue_op_key_t operation_;
    pj_ssize_t size_ = 0;
    char buffer_[16];
    std::atomic<bool> pending_{false}, running_{false};
    std::atomic<long long> wakes_{0};
#endif
};

} // namespace ringside
