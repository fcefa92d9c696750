"""What a fake guest says no with."""


class Refused(Exception):
    """Raised when the fake guest refuses a request; nothing was changed."""
