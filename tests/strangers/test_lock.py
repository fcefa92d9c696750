"""What is installed of others is pinned, and comes from wherever this machine gets its packages."""

import json

from tests.strangers.node import FOLDER, LOCK


def test_the_lock_file_pins_every_package_by_its_hash_and_names_no_address() -> None:
    lock = LOCK.read_text(encoding="utf-8")
    packages = json.loads(lock)["packages"]
    wanted = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert packages.pop("")["dependencies"] == wanted
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")] == []
    assert "://" not in lock
