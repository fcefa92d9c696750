"""A package of one module, as a wheel and as an index that pip can be pointed at."""

import io
import zipfile

WHEEL = "tiny-1.0-py3-none-any.whl"
_FILES = {
    "tiny.py": "def main(): print('tiny works')\n",
    "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
    "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny-1.0.dist-info/entry_points.txt": "[console_scripts]\ntiny = tiny:main\n",
    "tiny-1.0.dist-info/RECORD": "".join(f"{name},,\n" for name in ("tiny.py", "tiny-1.0.dist-info/RECORD")),
}


def tiny_wheel() -> bytes:
    """The wheel's bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in _FILES.items():
            archive.writestr(name, text)
    return buffer.getvalue()


INDEX = {"simple/tiny/": f'<a href="{WHEEL}">{WHEEL}</a>'.encode(), f"simple/tiny/{WHEEL}": tiny_wheel()}
"""What a web server gives out as a package index."""
