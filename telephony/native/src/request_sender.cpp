#include "request_sender.hpp"

#include "bridge_port.hpp"
#include "errors.hpp"

#include <algorithm>
#include <cstdint>

namespace ringside {

namespace {

RequestSender *active = nullptr;

pj_str_t borrowed(const std::string &value) {
    pj_str_t result;
    result.ptr = const_cast<char *>(value.data());
    result.slen = static_cast<pj_ssize_t>(value.size());
    return result;
}

pjsip_method methodOf(const std::string &name) {
    pjsip_method method;
    pj_str_t text = borrowed(name);
    pjsip_method_init_np(&method, &text);
    return method;
}

void setTag(pjsip_tx_data *tdata, pj_str_t &tag, const std::string &value) {
    pj_str_t text = borrowed(value);
    pj_strdup(tdata->pool, &tag, &text);
}

void addHeadersAndBody(pjsip_tx_data *tdata, const OutgoingRequest &request) {
    for (const auto &entry : request.headers) {
        pj_str_t name = borrowed(entry.first), value = borrowed(entry.second);
        pjsip_msg_add_hdr(tdata->msg,
                          reinterpret_cast<pjsip_hdr *>(pjsip_generic_string_hdr_create(tdata->pool, &name, &value)));
    }
    if (request.body.empty())
        return;
    std::string kind = request.contentType.empty() ? "text/plain" : request.contentType;
    std::string parameters = kind.substr(std::min(kind.size(), kind.find(';')));
    kind.resize(kind.size() - parameters.size());
    std::size_t slash = std::min(kind.size(), kind.find('/'));
    std::string type = kind.substr(0, slash), subtype = slash < kind.size() ? kind.substr(slash + 1) : "plain";
    subtype += parameters; /* PJSIP prints it as it is */
    pj_str_t typeText = borrowed(type), subtypeText = borrowed(subtype), content = borrowed(request.body);
    tdata->msg->body = pjsip_msg_body_create(tdata->pool, &typeText, &subtypeText, &content);
}

void onComplete(void *token, pjsip_event *event) {
    if (!active || event->type != PJSIP_EVENT_TSX_STATE)
        return;
    active->onAnswer(static_cast<int>(reinterpret_cast<std::intptr_t>(token)), event->body.tsx_state.tsx->status_code);
}

void start(int id, pjsip_tx_data *tdata) {
    void *token = reinterpret_cast<void *>(static_cast<std::intptr_t>(id));
    check(pjsip_endpt_send_request(pjsua_get_pjsip_endpt(), tdata, -1, token, &onComplete), "RequestSender.send");
}

} // namespace

void OutgoingRequest::addHeader(const std::string &name, const std::string &value) {
    headers.emplace_back(name, value);
    for (std::string *part : {&headers.back().first, &headers.back().second})
        for (char &c : *part)
            if (c == '\r' || c == '\n')
                c = ' ';
}

RequestSender::RequestSender() { active = this; }

RequestSender::~RequestSender() { close(); }

void RequestSender::close() {
    if (active == this)
        active = nullptr;
}

void RequestSender::send(int id, const OutgoingRequest &request) PJSUA2_THROW(pj::Error) {
    registerThisThread();
    pjsip_method method = methodOf(request.method);
    pj_str_t target = borrowed(request.requestUri), from = borrowed(request.from), to = borrowed(request.to);
    pj_str_t contact = borrowed(request.contact), callId = borrowed(request.callId);
    pjsip_tx_data *tdata = nullptr;
    check(pjsip_endpt_create_request(pjsua_get_pjsip_endpt(), &method, &target, &from, &to,
                                     request.contact.empty() ? nullptr : &contact,
                                     request.callId.empty() ? nullptr : &callId, request.cseq, nullptr, &tdata),
          "RequestSender.send");
    if (!request.fromTag.empty())
        setTag(tdata, PJSIP_MSG_FROM_HDR(tdata->msg)->tag, request.fromTag);
    if (!request.toTag.empty())
        setTag(tdata, PJSIP_MSG_TO_HDR(tdata->msg)->tag, request.toTag);
    addHeadersAndBody(tdata, request);
    start(id, tdata);
}

void RequestSender::sendInDialog(int id, const std::string &callId, const std::string &localTag,
                                 const std::string &remoteTag, const OutgoingRequest &request) PJSUA2_THROW(pj::Error) {
    registerThisThread();
    pj_str_t call = borrowed(callId), local = borrowed(localTag), remote = borrowed(remoteTag);
    pjsip_dialog *dialog = pjsip_ua_find_dialog(&call, &local, &remote, PJ_TRUE);
    if (!dialog)
        fail(PJ_ENOTFOUND, "RequestSender.sendInDialog", "no such dialog");
    pjsip_method method = methodOf(request.method);
    pjsip_tx_data *tdata = nullptr;
    pj_status_t status = pjsip_dlg_create_request(dialog, &method, -1, &tdata);
    if (status == PJ_SUCCESS) {
        PJSIP_MSG_CSEQ_HDR(tdata->msg)->cseq = dialog->local.cseq++;
        pjsip_tx_data_set_transport(tdata, &dialog->tp_sel);
        tdata->mod_data[dialog->ua->id] = nullptr; /* the request may outlive the dialog */
    }
    pjsip_dlg_dec_lock(dialog);
    check(status, "RequestSender.sendInDialog");
    addHeadersAndBody(tdata, request);
    start(id, tdata);
}

void RequestSender::onAnswer(int, int) {}

} // namespace ringside
