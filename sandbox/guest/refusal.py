"""The one way in which the guest says no."""


class Refused(Exception):
    """Raised when a request can't be done and changed nothing; the text says what to do instead."""
