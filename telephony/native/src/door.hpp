#pragma once
/* Door: the filter every incoming SIP request passes before PJSIP's upper layers and before Python.
 *
 * Theory. A pure function over the text of one message: no state, no PJSIP types, so tests call it as a table and a flood
 * costs a few microseconds. It refuses what breaks RFC 3261 and what PJSIP is known to mishandle; when in doubt it lets
 * through, for PJSIP and Python decide the rest. Each refusal has a cause, a contract for counters and tests:
 *
 *   status  cause              what
 *   400     bad_start_line     not METHOD URI VERSION
 *   400     header_too_long    a header (folded lines joined) above 8 KiB
 *   400     too_many_headers   more than 128
 *   400     doubled_header     From, To, Call-ID, CSeq or Content-Length twice
 *   400     missing_header     one of From, To, Call-ID, CSeq, Via absent
 *   400     cseq_mismatch      CSeq method unlike the request's, or no number
 *   400     bad_content_length no number, or larger than the datagram
 *   413     body_too_large     body above 64 KiB
 *   415     multipart_empty    multipart without boundary, or with an empty part
 *   415     multipart_deep     multipart inside multipart inside multipart, or more than 16 parts
 *   488     sdp_too_many_media, sdp_too_many_crypto, sdp_profile, sdp_payload_type, sdp_red, sdp_ptime
 *   501     unknown_method     answered, never dropped (RFC 3261 section 8.2.1 allows 405; we do not know the method)
 *   505     bad_version        not SIP/2.0
 */
#include <cstddef>
#include <string>
#include <vector>

namespace ringside {

/* What the door says: status 0 lets the message pass. */
struct DoorVerdict {
    int status = 0;
    std::string reason; /* reason phrase for the answer */
    std::string cause;  /* slug for counters, "" when passed */
};

/* Limits in one place; SDP ones are per session description. */
struct DoorLimits {
    static constexpr std::size_t headers = 128, headerBytes = 8192, bodyBytes = 65536;
    static constexpr int mediaLines = 8, cryptoLines = 16, payloadType = 127, multipartDepth = 2, multipartParts = 16;
    static constexpr int longestPtimeMs = 200;
};

/* Judge one message, request line to end of body. Responses always pass. With isDatagram, Content-Length is compared
 * with what really came; on a stream PJSIP has cut the message by it. */
DoorVerdict inspectMessage(const char *message, std::size_t size, bool isDatagram);

/* Judge one session description alone. */
DoorVerdict inspectSdp(const char *body, std::size_t size);

} // namespace ringside
