#include "bridge_port.hpp"

#include "errors.hpp"

#include <cstring>
#include <memory>

namespace ringside {

namespace {

struct PortData {
    FrameHandler *handler;
    pj_pool_t *pool;
    unsigned samplesPerFrame;
};

PortData *dataOf(pjmedia_port *port) { return static_cast<PortData *>(port->port_data.pdata); }

pj_status_t getFrame(pjmedia_port *port, pjmedia_frame *frame) {
    PortData *data = dataOf(port);
    std::size_t bytes = data->samplesPerFrame * sizeof(std::int16_t);
    if (data->handler->produce(static_cast<std::int16_t *>(frame->buf), data->samplesPerFrame)) {
        frame->type = PJMEDIA_FRAME_TYPE_AUDIO;
        frame->size = bytes;
    } else {
        frame->type = PJMEDIA_FRAME_TYPE_NONE;
        frame->size = 0;
    }
    return PJ_SUCCESS;
}

pj_status_t putFrame(pjmedia_port *port, pjmedia_frame *frame) {
    PortData *data = dataOf(port);
    bool audible = frame->type == PJMEDIA_FRAME_TYPE_AUDIO && frame->buf && frame->size;
    if (audible)
        data->handler->consume(static_cast<const std::int16_t *>(frame->buf), frame->size / sizeof(std::int16_t));
    else
        data->handler->consume(nullptr, data->samplesPerFrame);
    return PJ_SUCCESS;
}

/* Called by the group lock when the last holder, bridge or owner, has let go. */
pj_status_t onDestroy(pjmedia_port *port) {
    PortData *data = dataOf(port);
    pj_pool_t *pool = data->pool;
    delete data->handler;
    pj_pool_release(pool);
    return PJ_SUCCESS;
}

} // namespace

void registerThisThread() {
    static thread_local pj_thread_desc description;
    static thread_local pj_thread_t *thread;
    if (pj_thread_is_registered())
        return;
    std::memset(description, 0, sizeof(description));
    pj_thread_register("ringside", description, &thread);
}

BridgePort::BridgePort(const std::string &name, unsigned clockRateHz, unsigned ptimeMs, FrameHandler *handler)
    PJSUA2_THROW(pj::Error)
    : handler_(handler) {
    std::unique_ptr<FrameHandler> guard(handler);
    if (clockRateHz < 8000 || clockRateHz > 48000 || ptimeMs < 5 || ptimeMs > 120 || clockRateHz * ptimeMs % 1000)
        fail(PJ_EINVAL, "BridgePort", "clock rate must be 8000..48000 Hz, ptime 5..120 ms");
    if (pjsua_get_state() == PJSUA_STATE_NULL)
        fail(PJ_EINVALIDOP, "BridgePort", "no endpoint: call libCreate() and libInit() first");

    pj_pool_t *pool = pjsua_pool_create("ringside%p", 1024, 1024);
    if (!pool)
        fail(PJ_ENOMEM, "BridgePort");
    PortData *data = PJ_POOL_ZALLOC_T(pool, PortData);
    data->handler = handler;
    data->pool = pool;
    data->samplesPerFrame = clockRateHz * ptimeMs / 1000;

    pjmedia_port *port = PJ_POOL_ZALLOC_T(pool, pjmedia_port);
    pj_str_t portName;
    pj_strdup2_with_null(pool, &portName, name.c_str());
    pjmedia_port_info_init(&port->info, &portName, PJMEDIA_SIG_CLASS_APP('R', 'S', 'P'), clockRateHz, 1, 16,
                           data->samplesPerFrame);
    port->port_data.pdata = data;
    port->get_frame = &getFrame;
    port->put_frame = &putFrame;
    port->on_destroy = &onDestroy;

    pj_status_t status = pjmedia_port_init_grp_lock(port, pool, nullptr);
    if (status != PJ_SUCCESS) {
        pj_pool_release(pool);
        fail(status, "BridgePort");
    }
    guard.release(); /* from here on the group lock deletes the handler */
    status = pjsua_conf_add_port(pool, port, &id);
    if (status != PJ_SUCCESS) {
        pjmedia_port_destroy(port);
        fail(status, "BridgePort");
    }
    port_ = port;
}

void BridgePort::close() {
    if (!port_)
        return;
    pjmedia_port *port = port_;
    port_ = nullptr;
    if (pjsua_get_state() == PJSUA_STATE_NULL) {
        delete handler_; /* libDestroy() took bridge, media thread and pool with it; only the handler is left */
    } else {
        registerThisThread();
        if (id != PJSUA_INVALID_ID)
            pjsua_conf_remove_port(id);
        pjmedia_port_destroy(port);
    }
    handler_ = nullptr;
    id = PJSUA_INVALID_ID;
}

BridgePort::~BridgePort() { close(); }

} // namespace ringside
