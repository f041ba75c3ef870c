#pragma once
/* RequestSender: sends requests that belong to no call PJSIP manages, and NOTIFYs beside a call it does manage.
 *
 * Theory. PJSUA2 sends requests for its own calls, subscriptions and registrations only. We keep dialogs of our own (who
 * watches whom, who asked for a transfer) in Python, so all that is needed is: make this request, run its transaction, tell
 * the final answer. For a request beside a call the dialog supplies tags, route set and CSeq, but is not told of the
 * answer: a phone that refuses a NOTIFY must not lose its call (RFC 5057). One sender per process, on the owner thread.
 */
#include <pjsua2.hpp>

#include <string>
#include <utility>
#include <vector>

namespace ringside {

/* A request to be sent. `from` and `to` are name-addrs without tags; empty texts are left out. */
struct OutgoingRequest {
    std::string method, requestUri, from, fromTag, to, toTag, contact, callId;
    int cseq = 1;
    std::string contentType, body;

    /* Add a header; order is kept, line ends become blanks. */
    void addHeader(const std::string &name, const std::string &value);
#ifndef SWIG
    std::vector<std::pair<std::string, std::string>> headers;
#endif
};

class RequestSender {
public:
    RequestSender();
    virtual ~RequestSender();
    RequestSender(const RequestSender &) = delete;
    RequestSender &operator=(const RequestSender &) = delete;

    /* Forget who waits for answers; before libDestroy(). */
    void close();
    /* Send; `id` comes back with the answer. Failing at once may be told both by raising and by onAnswer(). */
    void send(int id, const OutgoingRequest &request) PJSUA2_THROW(pj::Error);
    /* Send inside the dialog of a call; only method, headers and body of the request count. */
    void sendInDialog(int id, const std::string &callId, const std::string &localTag, const std::string &remoteTag,
                      const OutgoingRequest &request) PJSUA2_THROW(pj::Error);

    /* The final answer to a request; 408 when none came. Runs inside libHandleEvents(). */
    virtual void onAnswer(int id, int status);
};

} // namespace ringside
