// The module `pjsua2` as Ringside builds it: PJSIP's own binding and our classes in one, so that directors, exceptions
// and AudioMedia are the same types. What each class does stands in src/*.hpp; these comments are about the Python side.
//
// Threads. The wrapper releases the GIL around every call (-threads), except around our accessors, which are shorter than
// releasing it. Log. Leave LogConfig.writer unset: PJSIP would call it on media threads. Use consoleLevel = 0 and level = 1,
// or a file: level = 3, consoleLevel = 0, filename = "...".
%module(directors="1", threads="1") pjsua2

%{
#include <pjsua2.hpp>
#include "bridge_port.hpp"
#include "door.hpp"
#include "pcm_port.hpp"
#include "request_gate.hpp"
#include "request_sender.hpp"
#include "tone_meter.hpp"
#include "wakeup.hpp"
%}

%include "pjsua2.i"
%include "std_shared_ptr.i"

%template(DoubleVector) std::vector<double>;
%template(StringToCountMap) std::map<std::string, long long>;

%define OWN_CLASS_IS_NO_COPY(Name)
%ignore ringside::Name::operator=;
%ignore ringside::Name::Name(const ringside::Name &);
%enddef
OWN_CLASS_IS_NO_COPY(BridgePort)
OWN_CLASS_IS_NO_COPY(RequestGate)
OWN_CLASS_IS_NO_COPY(RequestSender)
OWN_CLASS_IS_NO_COPY(Wakeup)

// libCreate() would print to standard output before libInit() brings our log settings.
%init %{
    pj_log_set_level(0);
%}

// --- door ------------------------------------------------------------------------------------------------------------
// inspectMessage(message: str | bytes, isDatagram: bool = True) -> DoorVerdict, inspectSdp(body: str | bytes) -> DoorVerdict
%typemap(in) (const char *text, std::size_t size) (Py_ssize_t length = 0) {
    if (PyBytes_Check($input)) {
        $1 = PyBytes_AS_STRING($input);
        length = PyBytes_GET_SIZE($input);
    } else {
        $1 = const_cast<char *>(PyUnicode_Check($input) ? PyUnicode_AsUTF8AndSize($input, &length) : nullptr);
        if (!$1) {
            if (!PyErr_Occurred())
                PyErr_SetString(PyExc_TypeError, "expected str or bytes");
            SWIG_fail;
        }
    }
    $2 = static_cast<std::size_t>(length);
}
%nothread;
namespace ringside {
struct DoorVerdict {
    int status;
    std::string reason;
    std::string cause;
};
}
%feature("compactdefaultargs") ringside_inspect_message; // no overloads, which would bypass our typemap's type check
%rename(inspectMessage) ringside_inspect_message;
%rename(inspectSdp) ringside_inspect_sdp;
%inline %{
ringside::DoorVerdict ringside_inspect_message(const char *text, std::size_t size, bool isDatagram = true) {
    return ringside::inspectMessage(text, size, isDatagram);
}
ringside::DoorVerdict ringside_inspect_sdp(const char *text, std::size_t size) {
    return ringside::inspectSdp(text, size);
}
%}

// --- gate ------------------------------------------------------------------------------------------------------------
// class Gate(RequestGate): def onRequest(self, request: GateRequest, answer: GateAnswer) -> None
%shared_ptr(ringside::GateRequest)
%shared_ptr(ringside::GateAnswer)
%feature("director") ringside::RequestGate;
%feature("director:except") ringside::RequestGate::onRequest {
    if ($error != NULL) {
        PyErr_WriteUnraisable(swig_get_self()); // not PyErr_Print(): that ends the process on SystemExit
        answer->status = -500;
    }
}
%thread ringside::RequestGate::attach;
%thread ringside::RequestGate::detach;
%thread ringside::RequestGate::onRequest;
%include "src/request_gate.hpp"

// --- sender ----------------------------------------------------------------------------------------------------------
// class Sender(RequestSender): def onAnswer(self, id: int, status: int) -> None
%feature("director") ringside::RequestSender;
%thread ringside::RequestSender::send;
%thread ringside::RequestSender::sendInDialog;
%thread ringside::RequestSender::onAnswer;
%include "src/request_sender.hpp"

// --- ports -----------------------------------------------------------------------------------------------------------
%nodefaultctor ringside::BridgePort;
%thread ringside::BridgePort::close;
%thread ringside::BridgePort::~BridgePort;
%thread ringside::PcmPort::PcmPort;
%thread ringside::PcmPort::~PcmPort;
%thread ringside::ToneMeter::ToneMeter;
%thread ringside::ToneMeter::~ToneMeter;
%include "src/bridge_port.hpp"
%include "src/pcm_port.hpp"
%include "src/tone_meter.hpp"
%extend ringside::PcmPort {
    // write(samples: bytes-like) -> int: samples accepted, s16le mono; the rest did not fit, offer it again later.
    PyObject *write(PyObject *samples) {
        Py_buffer view;
        if (PyObject_GetBuffer(samples, &view, PyBUF_SIMPLE) != 0)
            return nullptr;
        std::size_t taken = $self->writeSamples(static_cast<const std::int16_t *>(view.buf), view.len / 2);
        PyBuffer_Release(&view);
        return PyLong_FromSize_t(taken);
    }
    // read(maxSamples: int) -> bytes: at most that many samples, s16le mono; b"" when none are waiting.
    PyObject *read(int maxSamples) {
        int wanted = std::max(0, std::min(maxSamples, $self->available()));
        PyObject *bytes = PyBytes_FromStringAndSize(nullptr, wanted * 2);
        if (bytes) {
            std::size_t got = $self->readSamples(reinterpret_cast<std::int16_t *>(PyBytes_AS_STRING(bytes)), wanted);
            if (static_cast<int>(got) < wanted)
                _PyBytes_Resize(&bytes, static_cast<Py_ssize_t>(got * 2));
        }
        return bytes;
    }
}

// --- wakeup ----------------------------------------------------------------------------------------------------------
%thread ringside::Wakeup::start;
%thread ringside::Wakeup::stop;
%thread ringside::Wakeup::~Wakeup;
%include "src/wakeup.hpp"
%thread;
