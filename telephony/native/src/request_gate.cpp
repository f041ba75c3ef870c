#include "request_gate.hpp"

#include "bridge_port.hpp"
#include "errors.hpp"

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>

namespace ringside {

namespace {

RequestGate *attached = nullptr;

pj_bool_t onRxRequest(pjsip_rx_data *rdata) {
    if (!attached || attached->take(rdata))
        return attached ? PJ_TRUE : PJ_FALSE;
    attached->mendContact(rdata);
    return PJ_FALSE;
}

pj_bool_t onRxResponse(pjsip_rx_data *rdata) {
    if (attached)
        attached->mendContact(rdata);
    return PJ_FALSE;
}

pjsip_module &module() {
    static pjsip_module it = {};
    static char name[] = "mod-ringside-gate";
    it.name = pj_str(name);
    it.priority = PJSIP_MOD_PRIORITY_TSX_LAYER - 1;
    it.on_rx_request = &onRxRequest;
    it.on_rx_response = &onRxResponse;
    return it;
}

std::string text(const pj_str_t &value) { return std::string(value.ptr ? value.ptr : "", value.slen); }

pj_str_t borrowed(const std::string &value) {
    pj_str_t result;
    result.ptr = const_cast<char *>(value.data());
    result.slen = static_cast<pj_ssize_t>(value.size());
    return result;
}

std::string uriText(pjsip_uri_context_e context, const void *uri) {
    char buffer[PJSIP_MAX_URL_SIZE * 2];
    int size = uri ? pjsip_uri_print(context, uri, buffer, sizeof(buffer)) : 0;
    return std::string(buffer, size > 0 ? size : 0);
}

std::string displayName(const pjsip_fromto_hdr *header) {
    if (!PJSIP_URI_SCHEME_IS_SIP(header->uri) && !PJSIP_URI_SCHEME_IS_SIPS(header->uri) &&
        !PJSIP_URI_SCHEME_IS_TEL(header->uri))
        return "";
    return text(reinterpret_cast<const pjsip_name_addr *>(header->uri)->display);
}

bool sameName(const char *a, std::size_t size, const std::string &b) {
    return size == b.size() && strncasecmp(a, b.data(), size) == 0;
}

/* RFC 3261 section 7.3.3 and later extensions. */
std::string compactForm(const std::string &name) {
    static const char *const forms[][2] = {
        {"from", "f"},     {"to", "t"},        {"call-id", "i"},          {"contact", "m"},        {"via", "v"},
        {"subject", "s"},  {"supported", "k"}, {"content-type", "c"},     {"content-length", "l"}, {"event", "o"},
        {"refer-to", "r"}, {"referred-by", "b"}, {"content-encoding", "e"}, {"allow-events", "u"}, {"session-expires", "x"}};
    for (auto &form : forms)
        if (strcasecmp(form[0], name.c_str()) == 0)
            return form[1];
    return name;
}

std::string trimmed(const std::string &raw, std::size_t from, std::size_t to) {
    while (from < to && std::strchr(" \t\r\n", raw[from]))
        ++from;
    while (to > from && std::strchr(" \t\r\n", raw[to - 1]))
        --to;
    return raw.substr(from, to - from);
}

std::shared_ptr<GateRequest> describe(pjsip_rx_data *rdata) {
    auto request = std::make_shared<GateRequest>();
    const pjsip_msg *msg = rdata->msg_info.msg;
    request->raw.assign(rdata->msg_info.msg_buf, rdata->msg_info.len);
    request->method = text(msg->line.req.method.name);
    request->requestUri = uriText(PJSIP_URI_IN_REQ_URI, msg->line.req.uri);
    request->fromUri = uriText(PJSIP_URI_IN_OTHER, pjsip_uri_get_uri(rdata->msg_info.from->uri));
    request->fromDisplay = displayName(rdata->msg_info.from);
    request->fromTag = text(rdata->msg_info.from->tag);
    request->toUri = uriText(PJSIP_URI_IN_OTHER, pjsip_uri_get_uri(rdata->msg_info.to->uri));
    request->toTag = text(rdata->msg_info.to->tag);
    request->callId = text(rdata->msg_info.cid->id);
    request->cseq = static_cast<unsigned>(rdata->msg_info.cseq->cseq);
    request->sourceAddress = rdata->pkt_info.src_name;
    request->sourcePort = rdata->pkt_info.src_port;
    const pjsip_transport *transport = rdata->tp_info.transport;
    request->transport = transport->type_name;
    request->transport = request->transport.substr(0, request->transport.find('6'));
    request->localAddress = text(transport->local_name.host);
    request->localPort = transport->local_name.port;
    for (const char *name : {"Authorization", "Proxy-Authorization"})
        for (std::string &value : request->headers(name))
            request->authorization.push_back(std::move(value));
    request->contacts = request->headers("Contact");
    if (auto *expires = static_cast<pjsip_expires_hdr *>(pjsip_msg_find_hdr(msg, PJSIP_H_EXPIRES, nullptr)))
        request->expires = static_cast<int>(expires->ivalue & 0x7fffffff);
    request->userAgent = request->header("User-Agent");
    request->contentType = request->header("Content-Type");
    std::size_t end = request->raw.find("\r\n\r\n");
    if (msg->body && end != std::string::npos)
        request->body = request->raw.substr(end + 4);
    return request;
}

bool transactionExists(pjsip_rx_data *rdata) {
    pj_str_t key;
    if (pjsip_tsx_create_key(rdata->tp_info.pool, &key, PJSIP_ROLE_UAS, &rdata->msg_info.cseq->method, rdata) !=
        PJ_SUCCESS)
        return false;
    return pjsip_tsx_layer_find_tsx2(&key, PJ_FALSE) != nullptr;
}

pjsip_msg_body *bodyOf(pj_pool_t *pool, const GateAnswer &answer) {
    if (answer.body.empty())
        return nullptr;
    std::string kind = answer.contentType.empty() ? "text/plain" : answer.contentType;
    std::size_t slash = kind.find('/');
    std::string type = kind.substr(0, slash), subtype = slash == std::string::npos ? "plain" : kind.substr(slash + 1);
    pj_str_t typeText = borrowed(type), subtypeText = borrowed(subtype), content = borrowed(answer.body);
    return pjsip_msg_body_create(pool, &typeText, &subtypeText, &content);
}

void respond(pjsip_rx_data *rdata, const GateAnswer &answer) {
    pjsip_endpoint *endpoint = pjsua_get_pjsip_endpt();
    pj_str_t reason = borrowed(answer.reason);
    pjsip_tx_data *response = nullptr;
    if (pjsip_endpt_create_response(endpoint, rdata, answer.status, answer.reason.empty() ? nullptr : &reason,
                                    &response) != PJ_SUCCESS)
        return;
    for (const auto &entry : answer.headers) {
        pj_str_t name = borrowed(entry.first), value = borrowed(entry.second);
        pjsip_msg_add_hdr(response->msg, reinterpret_cast<pjsip_hdr *>(
                                             pjsip_generic_string_hdr_create(response->pool, &name, &value)));
    }
    response->msg->body = bodyOf(response->pool, answer);
    if (!answer.toTag.empty()) {
        pj_str_t tag = borrowed(answer.toTag);
        pj_strdup(response->pool, &PJSIP_MSG_TO_HDR(response->msg)->tag, &tag);
    }
    pjsip_response_addr address;
    if (pjsip_get_response_addr(response->pool, rdata, &address) != PJ_SUCCESS ||
        pjsip_endpt_send_response(endpoint, &address, response, nullptr, nullptr) != PJ_SUCCESS)
        pjsip_tx_data_dec_ref(response);
}

bool isMethod(const pjsip_method &method, const char *name) { return pj_strcmp2(&method.name, name) == 0; }

/* Inside dialogs everything is PJSIP's but these. */
bool isOursInDialogs(const pjsip_method &method) { return isMethod(method, "REFER") || isMethod(method, "SUBSCRIBE"); }

bool dialogExists(pjsip_rx_data *rdata) {
    return pjsip_ua_find_dialog(&rdata->msg_info.cid->id, &rdata->msg_info.to->tag, &rdata->msg_info.from->tag,
                                PJ_FALSE) != nullptr;
}

/* An IPv4 literal no router on the internet delivers to: RFC 1918, RFC 6598, RFC 3927. */
bool isPrivate(const pj_str_t &host) {
    in_addr address;
    if (inet_pton(AF_INET, text(host).c_str(), &address) != 1)
        return false;
    std::uint32_t ip = ntohl(address.s_addr);
    return ip >> 24 == 10 || ip >> 20 == 0xAC1 || ip >> 16 == 0xC0A8 || ip >> 22 == 0x191 || ip >> 16 == 0xA9FE;
}

} // namespace

std::vector<std::string> GateRequest::headers(const std::string &name) const {
    std::vector<std::string> values;
    std::string compact = compactForm(name);
    std::size_t at = raw.find('\n');
    while (at != std::string::npos && ++at < raw.size() && raw[at] != '\r' && raw[at] != '\n') {
        std::size_t end = raw.find('\n', at);
        while (end != std::string::npos && end + 1 < raw.size() && (raw[end + 1] == ' ' || raw[end + 1] == '\t'))
            end = raw.find('\n', end + 1);
        std::size_t stop = end == std::string::npos ? raw.size() : end, colon = raw.find(':', at);
        if (colon != std::string::npos && colon < stop) {
            std::size_t size = colon - at;
            while (size && (raw[at + size - 1] == ' ' || raw[at + size - 1] == '\t'))
                --size;
            if (sameName(raw.data() + at, size, name) || sameName(raw.data() + at, size, compact))
                values.push_back(trimmed(raw, colon + 1, stop));
        }
        at = end;
    }
    return values;
}

std::string GateRequest::header(const std::string &name) const {
    std::vector<std::string> values = headers(name);
    return values.empty() ? "" : values.front();
}

void GateAnswer::addHeader(const std::string &name, const std::string &value) {
    headers.emplace_back(name, value);
    for (std::string *part : {&headers.back().first, &headers.back().second})
        for (char &c : *part)
            if (c == '\r' || c == '\n')
                c = ' ';
}

RequestGate::RequestGate() {}

RequestGate::~RequestGate() { detach(); }

void RequestGate::attach() PJSUA2_THROW(pj::Error) {
    if (attached == this)
        return;
    if (attached || pjsua_get_state() < PJSUA_STATE_INIT)
        fail(PJ_EINVALIDOP, "RequestGate.attach", "one gate at a time, after libInit()");
    pjsip_module &it = module();
    it.id = -1;
    check(pjsip_endpt_register_module(pjsua_get_pjsip_endpt(), &it), "RequestGate.attach");
    attached = this;
}

void RequestGate::detach() {
    if (attached != this)
        return;
    attached = nullptr;
    if (pjsua_get_state() == PJSUA_STATE_NULL)
        return;
    registerThisThread();
    pjsip_endpt_unregister_module(pjsua_get_pjsip_endpt(), &module());
}

void RequestGate::onRequest(std::shared_ptr<GateRequest>, std::shared_ptr<GateAnswer>) {}

long long RequestGate::refused(const std::string &cause) const {
    auto found = refusals_.find(cause);
    return found == refusals_.end() ? 0 : found->second;
}

bool RequestGate::take(pjsip_rx_data *rdata) {
    pjsip_method_e method = rdata->msg_info.msg->line.req.method.id;
    if (method == PJSIP_CANCEL_METHOD || transactionExists(rdata))
        return false;
    bool isDatagram = rdata->tp_info.transport->flag & PJSIP_TRANSPORT_DATAGRAM;
    DoorVerdict verdict = inspectMessage(rdata->msg_info.msg_buf, rdata->msg_info.len, isDatagram);
    if (verdict.status)
        return refuse(rdata, verdict);
    bool namesDialog = rdata->msg_info.to->tag.slen != 0;
    if (method == PJSIP_ACK_METHOD || (namesDialog && !isOursInDialogs(rdata->msg_info.msg->line.req.method)))
        return false;

    ++requests_;
    auto answer = std::make_shared<GateAnswer>();
    try {
        auto request = describe(rdata);
        request->inDialog = namesDialog && dialogExists(rdata);
        onRequest(request, answer);
    } catch (...) {
        answer->status = -500; /* C++ side of the director; Python's own errors are marked the same way */
    }
    if (answer->status == -500) {
        ++failures_;
        *answer = GateAnswer();
        answer->status = 500;
    }
    return act(rdata, *answer);
}

void RequestGate::mendContact(pjsip_rx_data *rdata) {
    const pjsip_method &method = rdata->msg_info.cseq->method;
    bool carriesTarget = method.id == PJSIP_INVITE_METHOD || isMethod(method, "UPDATE");
    if (!rewritesContacts_ || !carriesTarget || rdata->msg_info.record_route)
        return;
    auto *contact = static_cast<pjsip_contact_hdr *>(pjsip_msg_find_hdr(rdata->msg_info.msg, PJSIP_H_CONTACT, nullptr));
    if (!contact || contact->star || !contact->uri || !PJSIP_URI_SCHEME_IS_SIP(contact->uri))
        return;
    auto *uri = static_cast<pjsip_sip_uri *>(pjsip_uri_get_uri(contact->uri));
    if (pj_stricmp2(&uri->host, rdata->pkt_info.src_name) == 0 || !isPrivate(uri->host))
        return;
    pj_strdup2(rdata->tp_info.pool, &uri->host, rdata->pkt_info.src_name);
    uri->port = rdata->pkt_info.src_port;
    ++rewritten_;
}

bool RequestGate::refuse(pjsip_rx_data *rdata, const DoorVerdict &verdict) {
    ++refusals_[verdict.cause];
    if (rdata->msg_info.msg->line.req.method.id == PJSIP_ACK_METHOD)
        return true;
    GateAnswer answer;
    answer.status = verdict.status;
    answer.reason = verdict.reason;
    respond(rdata, answer);
    return true;
}

bool RequestGate::act(pjsip_rx_data *rdata, const GateAnswer &answer) {
    if (answer.status == 0) {
        ++passed_;
        return false;
    }
    if (answer.status < 100 || answer.status > 699) {
        ++dropped_;
        return true;
    }
    ++answered_;
    respond(rdata, answer);
    return true;
}

} // namespace ringside
