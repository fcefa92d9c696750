"""The files of a task that everybody may see, and what kind of file each is."""

from pathlib import Path

from mlgym_mcp.tasks.spec import TaskSpec

IMAGES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
BINARY = "application/octet-stream"


def files_of(task: TaskSpec) -> dict[str, Path]:
    """What a task shows to everybody: its brief, its starter files, its sample submission."""
    starter = {f"starter/{place}": path for place, path in task.starter_files().items()}
    samples = {path.name: path for path in sorted(task.folder.glob("sample_submission*")) if path.is_file()}
    return {"brief.md": task.file("brief.md"), **starter, **samples}


def content_of(path: Path) -> str | bytes:
    """A file's text, or its bytes when it is none."""
    content = path.read_bytes()
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content


def binary_type(content: bytes) -> str:
    """The MIME type of what is no text."""
    return next((kind for magic, kind in IMAGES.items() if content.startswith(magic)), BINARY)
