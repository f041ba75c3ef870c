#include "door.hpp"

#include <array>
#include <cctype>
#include <cstring>
#include <string_view>

namespace ringside {

namespace {

using Text = std::string_view;

constexpr std::array<Text, 14> kMethods = {"INVITE", "ACK",       "BYE",    "CANCEL", "OPTIONS", "REGISTER", "INFO",
                                           "PRACK",  "SUBSCRIBE", "NOTIFY", "UPDATE", "MESSAGE", "REFER",    "PUBLISH"};
constexpr std::array<Text, 6> kProfiles = {"RTP/AVP",           "RTP/AVPF",         "RTP/SAVP", "RTP/SAVPF",
                                           "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF"};

DoorVerdict refuse(int status, const char *cause) {
    const char *reason = "Bad Request";
    switch (status) {
    case 413: reason = "Request Entity Too Large"; break;
    case 415: reason = "Unsupported Media Type"; break;
    case 488: reason = "Not Acceptable Here"; break;
    case 501: reason = "Not Implemented"; break;
    case 505: reason = "Version Not Supported"; break;
    }
    DoorVerdict verdict;
    verdict.status = status;
    verdict.reason = reason;
    verdict.cause = cause;
    return verdict;
}

template <class List> bool contains(const List &list, Text word) {
    for (Text entry : list)
        if (entry == word)
            return true;
    return false;
}

bool sameName(Text a, Text b) {
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (std::tolower(static_cast<unsigned char>(a[i])) != std::tolower(static_cast<unsigned char>(b[i])))
            return false;
    return true;
}

bool isBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

Text trimmed(Text text) {
    while (!text.empty() && isBlank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && isBlank(text.back()))
        text.remove_suffix(1);
    return text;
}

/* Cut the next line off; its end (CRLF or LF) is removed. */
Text takeLine(Text &rest) {
    std::size_t end = rest.find('\n');
    Text line = rest.substr(0, end);
    rest.remove_prefix(end == Text::npos ? rest.size() : end + 1);
    if (!line.empty() && line.back() == '\r')
        line.remove_suffix(1);
    return line;
}

/* Cut the next word off. */
Text takeWord(Text &rest) {
    rest = trimmed(rest);
    std::size_t end = rest.find_first_of(" \t");
    Text word = rest.substr(0, end);
    rest.remove_prefix(end == Text::npos ? rest.size() : end);
    return word;
}

/* A plain decimal number of at most nine digits, or -1. */
long toNumber(Text text) {
    if (text.empty() || text.size() > 9)
        return -1;
    long value = 0;
    for (char c : text) {
        if (c < '0' || c > '9')
            return -1;
        value = value * 10 + (c - '0');
    }
    return value;
}

bool startsWith(Text text, Text prefix) { return text.substr(0, prefix.size()) == prefix; }

/* The headers the door looks at. */
struct Headers {
    Text cseq, contentType;
    long contentLength = -1;
    int from = 0, to = 0, callId = 0, cseqs = 0, vias = 0, contentLengths = 0;

    void note(Text name, Text value) {
        if (sameName(name, "from") || sameName(name, "f"))
            ++from;
        else if (sameName(name, "to") || sameName(name, "t"))
            ++to;
        else if (sameName(name, "call-id") || sameName(name, "i"))
            ++callId;
        else if (sameName(name, "via") || sameName(name, "v"))
            ++vias;
        else if (sameName(name, "cseq"))
            ++cseqs, cseq = value;
        else if (sameName(name, "content-type") || sameName(name, "c"))
            contentType = value;
        else if (sameName(name, "content-length") || sameName(name, "l"))
            ++contentLengths, contentLength = toNumber(value);
    }
};

/* Read the headers up to the empty line; rest is then the body. */
DoorVerdict readHeaders(Text &rest, Headers &headers) {
    std::size_t count = 0;
    while (!rest.empty()) {
        Text line = takeLine(rest);
        if (line.empty())
            break;
        const char *start = line.data();
        std::size_t size = line.size();
        while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) { /* folded: RFC 3261 section 7.3.1 */
            Text more = takeLine(rest);
            size = static_cast<std::size_t>(more.data() + more.size() - start);
        }
        if (size > DoorLimits::headerBytes)
            return refuse(400, "header_too_long");
        if (++count > DoorLimits::headers)
            return refuse(400, "too_many_headers");
        Text header(start, size);
        std::size_t colon = header.find(':');
        if (colon != Text::npos)
            headers.note(trimmed(header.substr(0, colon)), trimmed(header.substr(colon + 1)));
    }
    return {};
}

/* The value of a parameter of a header, quotes removed: boundary of Content-Type. */
Text parameter(Text header, Text name) {
    std::size_t at = 0;
    while ((at = header.find(';', at)) != Text::npos) {
        Text rest = trimmed(header.substr(++at));
        std::size_t equals = rest.find('=');
        if (equals == Text::npos || !sameName(trimmed(rest.substr(0, equals)), name))
            continue;
        Text value = trimmed(rest.substr(equals + 1));
        if (!value.empty() && value.front() == '"')
            return value.substr(1, value.find('"', 1) - 1);
        return trimmed(value.substr(0, value.find(';')));
    }
    return {};
}

DoorVerdict inspectBody(Text type, Text body, int depth);

/* One part of a multipart body: headers, empty line, content. */
DoorVerdict inspectPart(Text part, int depth) {
    Headers headers;
    DoorVerdict verdict = readHeaders(part, headers);
    if (verdict.status)
        return verdict;
    if (trimmed(part).empty())
        return refuse(415, "multipart_empty");
    return inspectBody(headers.contentType, part, depth);
}

/* RFC 2046 section 5.1: parts between lines that begin with "--boundary". */
DoorVerdict inspectMultipart(Text type, Text body, int depth) {
    Text boundary = parameter(type, "boundary");
    if (boundary.empty() || boundary.size() > 200)
        return refuse(415, "multipart_empty");
    if (depth >= DoorLimits::multipartDepth)
        return refuse(415, "multipart_deep");
    std::string delimiter = "--" + std::string(boundary);
    int parts = 0;
    std::size_t at = body.find(delimiter);
    while (at != Text::npos && body.substr(at + delimiter.size(), 2) != "--") {
        std::size_t start = body.find('\n', at + delimiter.size());
        std::size_t end = start == Text::npos ? Text::npos : body.find(delimiter, start);
        if (end == Text::npos)
            return refuse(415, "multipart_empty"); /* the closing delimiter is missing */
        if (++parts > DoorLimits::multipartParts)
            return refuse(415, "multipart_deep");
        DoorVerdict verdict = inspectPart(body.substr(start + 1, end - start - 1), depth + 1);
        if (verdict.status)
            return verdict;
        at = end;
    }
    return parts ? DoorVerdict{} : refuse(415, "multipart_empty");
}

DoorVerdict inspectBody(Text type, Text body, int depth) {
    Text plain = trimmed(type.substr(0, type.find(';')));
    if (sameName(plain, "application/sdp"))
        return inspectSdp(body.data(), body.size());
    if (plain.size() > 10 && sameName(plain.substr(0, 10), "multipart/"))
        return inspectMultipart(type, body, depth);
    return {};
}

/* m=<media> <port> <profile> <payload type> ... */
DoorVerdict inspectMediaLine(Text line) {
    Text media = takeWord(line), port = takeWord(line), profile = takeWord(line);
    if (port == "0")
        return {}; /* refused already by its sender; the profile may be anything */
    if (!contains(kProfiles, profile))
        return media == "audio" || startsWith(profile, "RTP/") ? refuse(488, "sdp_profile") : DoorVerdict{};
    while (!trimmed(line).empty()) {
        long type = toNumber(takeWord(line));
        if (type < 0 || type > DoorLimits::payloadType)
            return refuse(488, "sdp_payload_type");
    }
    return {};
}

DoorVerdict inspectAttribute(Text line, int &cryptos) {
    if (startsWith(line, "crypto:")) {
        if (++cryptos > DoorLimits::cryptoLines)
            return refuse(488, "sdp_too_many_crypto");
    } else if (startsWith(line, "rtpmap:")) {
        Text rest = line.substr(7), type = takeWord(rest), codec = trimmed(rest);
        long number = toNumber(type);
        if (number < 0 || number > DoorLimits::payloadType)
            return refuse(488, "sdp_payload_type");
        if (codec.size() >= 4 && sameName(codec.substr(0, 4), "red/"))
            return refuse(488, "sdp_red");
    } else if (startsWith(line, "ptime:")) {
        long ptime = toNumber(trimmed(line.substr(6)));
        if (ptime < 5 || ptime > DoorLimits::longestPtimeMs || ptime % 5)
            return refuse(488, "sdp_ptime");
    }
    return {};
}

DoorVerdict inspectContentLength(const Headers &headers, std::size_t size, bool isDatagram) {
    if (headers.contentLengths > 1)
        return refuse(400, "doubled_header");
    if (headers.contentLengths && headers.contentLength < 0)
        return refuse(400, "bad_content_length");
    if (headers.contentLength > static_cast<long>(DoorLimits::bodyBytes) || size > DoorLimits::bodyBytes)
        return refuse(413, "body_too_large");
    if (isDatagram && headers.contentLength > static_cast<long>(size))
        return refuse(400, "bad_content_length");
    return {};
}

DoorVerdict inspectMandatory(const Headers &headers, Text method) {
    if (headers.from > 1 || headers.to > 1 || headers.callId > 1 || headers.cseqs > 1)
        return refuse(400, "doubled_header");
    if (!headers.from || !headers.to || !headers.callId || !headers.cseqs || !headers.vias)
        return refuse(400, "missing_header");
    Text cseq = headers.cseq, number = takeWord(cseq);
    bool isNumber = !number.empty() && number.size() <= 10 && number.find_first_not_of("0123456789") == Text::npos;
    if (!isNumber || takeWord(cseq) != method)
        return refuse(400, "cseq_mismatch");
    return {};
}

} // namespace

DoorVerdict inspectSdp(const char *body, std::size_t size) {
    Text rest(body, size);
    int media = 0, cryptos = 0;
    while (!rest.empty()) {
        Text line = takeLine(rest);
        DoorVerdict verdict;
        if (startsWith(line, "m=")) {
            if (++media > DoorLimits::mediaLines)
                return refuse(488, "sdp_too_many_media");
            verdict = inspectMediaLine(line.substr(2));
        } else if (startsWith(line, "a=")) {
            verdict = inspectAttribute(line.substr(2), cryptos);
        }
        if (verdict.status)
            return verdict;
    }
    return {};
}

DoorVerdict inspectMessage(const char *message, std::size_t size, bool isDatagram) {
    Text rest(message, size);
    while (!rest.empty() && (rest.front() == '\r' || rest.front() == '\n'))
        rest.remove_prefix(1);
    Text line = takeLine(rest);
    if (startsWith(line, "SIP/"))
        return {};
    if (line.size() > DoorLimits::headerBytes)
        return refuse(400, "header_too_long");
    Text words = line, method = takeWord(words), uri = takeWord(words), version = takeWord(words);
    if (method.empty() || uri.empty() || version.empty() || !trimmed(words).empty())
        return refuse(400, "bad_start_line");
    if (version != "SIP/2.0")
        return refuse(505, "bad_version");

    Headers headers;
    DoorVerdict verdict = readHeaders(rest, headers);
    if (!verdict.status)
        verdict = inspectMandatory(headers, method);
    if (!verdict.status)
        verdict = inspectContentLength(headers, rest.size(), isDatagram);
    if (!verdict.status && !contains(kMethods, method))
        verdict = refuse(501, "unknown_method");
    if (verdict.status)
        return verdict;
    if (headers.contentLength >= 0)
        rest = rest.substr(0, static_cast<std::size_t>(headers.contentLength));
    return rest.empty() ? DoorVerdict{} : inspectBody(headers.contentType, rest, 0);
}

} // namespace ringside
