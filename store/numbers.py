"""Telephone numbers in one form, so that a caller is recognised however the carrier writes him."""

from __future__ import annotations

import phonenumbers
from phonenumbers import PhoneNumberFormat

MAX_NUMBER_CHARS = 64
"""Longer than any number (15 digits by E.164) or SIP user name that we look up."""


def normalise_number(number: str, region: str) -> str:
    """Give a number in E.164 form (`+385915550101`); what is no telephone number comes back trimmed, as it is.

    `region` (ISO 3166, such as "US") reads national numbers. Carriers also send international numbers as `00…` or
    without any prefix; those are tried after the national reading. Source: ITU-T E.164.
    """
    trimmed = number.strip()[:MAX_NUMBER_CHARS]
    digits = trimmed.lstrip("+")
    international = "+" + (digits[2:] if trimmed.startswith("00") else digits)
    first = international if trimmed.startswith(("+", "00")) else trimmed
    return _e164(first, region) or _e164(international, region) or trimmed


def _e164(number: str, region: str) -> str | None:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
