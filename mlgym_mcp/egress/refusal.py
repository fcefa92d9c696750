"""Why a request does not go out."""


class Refusal(Exception):
    """Raised where a request is not passed on; the text is for whoever asked, on one line."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
