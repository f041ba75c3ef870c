"""What can go wrong with an identity provider. Apart from `desk.provider`, whose libraries most nodes never need."""


class ProviderError(Exception):
    """The provider did not do its part; the message is for the operator and holds nothing about a person."""


class Unreachable(ProviderError):
    """It cannot be reached, or says that something is wrong on its side."""


class BadAnswer(ProviderError):
    """What it says cannot be believed."""
