"""A program of its own: prints the text of the PDF on its stdin, page by page, with a form feed after each.

What it reads may be made to take all memory and time, so it has limits, and whoever started it expects it to fail.
"""

import io
import resource
import sys

MEMORY = 1024**3
"""Bytes of addresses."""
SECONDS = 30
"""Of processor time."""
FILES = 64
MOST_PAGES = 300
MOST_CHARACTERS = 2_000_000


def main() -> None:
    """Read and print."""
    from pypdf import PdfReader

    limits = ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_NOFILE, FILES))
    for limit, most in (*limits, (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(limit, (most, most))
    left = MOST_CHARACTERS
    for page in PdfReader(io.BytesIO(sys.stdin.buffer.read())).pages[:MOST_PAGES]:
        text = page.extract_text()[:left].replace("\f", "\n") + "\f"
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        left -= len(text)
        if left <= 0:
            break


if __name__ == "__main__":
    main()
