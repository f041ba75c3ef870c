#pragma once
/* How our classes fail: as pj::Error, which Python sees as pjsua2.Error, like everything else in PJSUA2. */
#include <pjsua2.hpp>

#include <string>

namespace ringside {

/* reason "" takes pjlib's text of the status. */
[[noreturn]] inline void fail(pj_status_t status, const std::string &title, const std::string &reason = "") {
    throw pj::Error(status, title, reason, "ringside", 0);
}

inline void check(pj_status_t status, const std::string &title) {
    if (status != PJ_SUCCESS)
        fail(status, title);
}

} // namespace ringside
