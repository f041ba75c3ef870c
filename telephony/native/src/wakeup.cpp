#include "wakeup.hpp"

#include "bridge_port.hpp"
#include "errors.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace ringside {

Wakeup::Wakeup() {
    /* Both ends live as long as this object, so a wake() racing with stop() never writes to somebody else's socket. */
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0) {
        inside_ = ends[0];
        outside_ = ends[1];
    }
}

Wakeup::~Wakeup() {
    stop();
    if (inside_ >= 0)
        ::close(inside_);
    if (outside_ >= 0)
        ::close(outside_);
}

void Wakeup::start() PJSUA2_THROW(pj::Error) {
    if (key_)
        return;
    if (inside_ < 0 || pjsua_get_state() < PJSUA_STATE_INIT)
        fail(PJ_EINVALIDOP, "Wakeup.start", "call libInit() first");
    pool_ = pjsua_pool_create("wakeup%p", 512, 512);
    int registered = dup(inside_); /* the I/O queue closes what it was given */
    pj_ioqueue_callback callback = {};
    callback.on_read_complete = &Wakeup::onRead;
    pj_status_t status = pj_ioqueue_register_sock(pool_, pjsip_endpt_get_ioqueue(pjsua_get_pjsip_endpt()), registered,
                                                  this, &callback, &key_);
    if (status != PJ_SUCCESS) {
        ::close(registered);
        key_ = nullptr;
        fail(status, "Wakeup.start");
    }
    pj_ioqueue_op_key_init(&operation_, sizeof(operation_)); /* anew: the last stop() left a read pending in it */
    running_ = true;
    listen();
}

void Wakeup::wake() {
    if (running_.load() && !pending_.exchange(true))
        (void)!send(outside_, "!", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Ask for the next byte; what has already come is taken at once and counts. */
void Wakeup::listen() {
    pj_status_t status;
    do {
        size_ = sizeof(buffer_);
        status = pj_ioqueue_recv(key_, &operation_, buffer_, &size_, 0);
        if (status == PJ_SUCCESS) {
            pending_ = false;
            ++wakes_;
        }
    } while (status == PJ_SUCCESS && size_ > 0);
}

void Wakeup::onRead(pj_ioqueue_key_t *key, pj_ioqueue_op_key_t *, pj_ssize_t bytes) {
    auto *self = static_cast<Wakeup *>(pj_ioqueue_get_user_data(key));
    if (!self->running_ || bytes <= 0)
        return;
    self->pending_ = false;
    ++self->wakes_;
    self->listen();
}

void Wakeup::stop() {
    running_ = false;
    if (!key_)
        return;
    if (pjsua_get_state() != PJSUA_STATE_NULL) {
        registerThisThread();
        pj_ioqueue_unregister(key_);
        pj_pool_release(pool_);
    }
    key_ = nullptr;
    pool_ = nullptr;
}

long long Wakeup::wakes() const { return wakes_.load(); }

} // namespace ringside
