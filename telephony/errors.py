"""What can go wrong when the softswitch starts.

SwitchError                ours or the machine's fault, told in words that say what to mend
├── PortTaken              a configured port cannot be bound
└── CertificateUnavailable the TLS certificate can be neither read nor made
"""

from __future__ import annotations

from vocabulary import EndReason


class SwitchError(Exception):
    """The softswitch cannot start or go on."""

    end = EndReason.server_error("switch_error")


class PortTaken(SwitchError):
    """A configured port cannot be bound."""


class CertificateUnavailable(SwitchError):
    """The TLS certificate can be neither read nor made."""
