#pragma once
/* RequestGate: hands requests that are ours to decide to Python before PJSIP sees them, and sends what Python answers.
 *
 * Theory. A pjsip module below the transaction layer (priority just under it). Per incoming request, in this order:
 *
 *   CANCEL                          -> pass (its transaction, or nobody, takes it)
 *   transaction exists              -> pass (a retransmission; the transaction layer repeats the answer)
 *   the door refuses (door.hpp)     -> answer statelessly; an ACK cannot be answered and is dropped
 *   ACK                             -> pass
 *   To has a tag (a dialog)         -> pass, except REFER and SUBSCRIBE
 *   else onRequest()                -> pass, drop or answer statelessly as GateAnswer says
 *
 * REFER and SUBSCRIBE inside a dialog come to Python too: PJSIP would act on the one by itself and knows nothing of the
 * dialogs of the other. `inDialog` tells whether PJSIP has the dialog they name.
 *
 * Phones behind NAT put an address into Contact that nobody can reach. With setRewritesContacts(true), a private address
 * in the Contact of an INVITE or UPDATE, or of an answer to one, becomes the address the message really came from, unless
 * a proxy stands between (Record-Route). Thus ACK and BYE reach the phone.
 *
 * Stateless answers are safe against retransmission because the same request gets an answer again, with the same To tag
 * (PJSIP derives it from the branch). Answers with a body or state of their own belong above PJSIP instead.
 * Everything runs on the one thread in libHandleEvents(). One gate per process.
 */
#include "door.hpp"

#include <pjsua2.hpp>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ringside {

/* A request for Python to decide. A copy: it may be kept after the callback. Texts that are no UTF-8 come to Python with
 * surrogate escapes, so encode("utf-8", "surrogateescape") gives the bytes back. */
struct GateRequest {
    std::string method, requestUri;
    std::string fromUri, fromDisplay, fromTag, toUri, toTag, callId;
    unsigned cseq = 0;
    bool inDialog = false;     /* Call-ID and both tags name a dialog PJSIP has */
    std::string sourceAddress;
    int sourcePort = 0;
    std::string transport;     /* "UDP", "TCP" or "TLS"; IPv6 shows in the address */
    std::string localAddress;  /* where we listen */
    int localPort = 0;
    std::vector<std::string> authorization; /* raw values of Authorization and Proxy-Authorization */
    std::vector<std::string> contacts;      /* raw Contact values, one entry per header line */
    int expires = -1;
    std::string userAgent, contentType, body;

    /* Raw value of the first header of that name (case and compact forms do not matter), "" if absent. */
    std::string header(const std::string &name) const;
    /* Raw values of all headers of that name, in order. */
    std::vector<std::string> headers(const std::string &name) const;
    /* The message as it came over the wire. */
    std::string wholeMessage() const { return raw; }
#ifndef SWIG
    std::string raw;
#endif
};

/* What shall happen to a request. status 0: PJSIP handles it. -1: silence. 100..699: answered statelessly. */
struct GateAnswer {
    int status = 0;
    std::string reason; /* "" takes the usual phrase of the status */
    std::string toTag;  /* "" takes one derived from the request's branch; a dialog of our own brings its own */
    std::string contentType, body;

    /* Add a header to the answer; order is kept, names may repeat, line ends become blanks. */
    void addHeader(const std::string &name, const std::string &value);
#ifndef SWIG
    std::vector<std::pair<std::string, std::string>> headers;
#endif
};

class RequestGate {
public:
    RequestGate();
    virtual ~RequestGate();
    RequestGate(const RequestGate &) = delete;
    RequestGate &operator=(const RequestGate &) = delete;

    /* Stand before PJSIP from now on. After libInit(), best before libStart(); only one gate may be attached. */
    void attach() PJSUA2_THROW(pj::Error);
    /* Step aside. On the owner thread, before libDestroy(). */
    void detach();

    /* Decide about one request; runs inside libHandleEvents(), so be quick. The default lets everything pass.
     * If Python raises, the request is answered 500 and the error goes to sys.unraisablehook. */
    virtual void onRequest(std::shared_ptr<GateRequest> request, std::shared_ptr<GateAnswer> answer);

    /* Mend the Contact of phones behind NAT. Off by default. */
    void setRewritesContacts(bool rewrites) { rewritesContacts_ = rewrites; }
    /* How many Contacts were mended. */
    long long rewritten() const { return rewritten_; }

    /* Requests shown to onRequest(), and what became of them. */
    long long requests() const { return requests_; }
    long long passed() const { return passed_; }
    long long answered() const { return answered_; }
    long long dropped() const { return dropped_; }
    /* Times onRequest() raised. */
    long long failures() const { return failures_; }
    /* Requests the door refused, for one cause or by cause. */
    long long refused(const std::string &cause) const;
    std::map<std::string, long long> refusals() const { return refusals_; }

#ifndef SWIG
    bool take(pjsip_rx_data *rdata); /* true when the request ends here */
    void mendContact(pjsip_rx_data *rdata);

private:
    bool refuse(pjsip_rx_data *rdata, const DoorVerdict &verdict);
    bool act(pjsip_rx_data *rdata, const GateAnswer &answer);

    bool rewritesContacts_ = false;
    long long rewritten_ = 0;
    long long requests_ = 0, passed_ = 0, answered_ = 0, dropped_ = 0, failures_ = 0;
    std::map<std::string, long long> refusals_;
#endif
};

} // namespace ringside
