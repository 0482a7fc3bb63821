"""Compare the pinned Python packages with published advisories, and say so when there are none.

    MERCATO_ADVISORIES=/path python scripts/vulnerabilities.py

The path is a folder of advisories in the OSV format (one JSON file each), as databases of vulnerabilities
offer them for download. Exit code 0: none applies. 1: some apply. 3: no data, so nothing is known.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("base.txt", "dev.txt")
NO_DATA = 3


def pinned() -> dict[str, Version]:
    """Every package of the locks with its version."""
    found = {}
    for lock in LOCKS:
        for name, version in re.findall(
            r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", (ROOT / "requirements" / lock).read_text(), re.M
        ):
            found[_plain(name)] = Version(version)
    return found


def advisories(folder: Path) -> Iterator[dict[str, Any]]:
    """Every advisory in the folder that was not withdrawn."""
    for path in sorted(folder.rglob("*.json")):
        advisory = json.loads(path.read_text("utf-8"))
        if isinstance(advisory, dict) and advisory.get("affected") and not advisory.get("withdrawn"):
            yield advisory


def affects(advisory: dict[str, Any], name: str, version: Version) -> bool:
    """Whether an advisory names this version of this package."""
    for affected in advisory["affected"]:
        package = affected.get("package", {})
        if package.get("ecosystem") != "PyPI" or _plain(package.get("name", "")) != name:
            continue
        if str(version) in affected.get("versions", []):
            return True
        if any(_is_within(each.get("events", []), version) for each in affected.get("ranges", [])):
            return True
    return False


def main() -> int:
    place = os.environ.get("MERCATO_ADVISORIES", "")
    known = list(advisories(Path(place))) if place and Path(place).is_dir() else []
    if not known:
        print(
            "dependencies: NOT CHECKED. There is no data: MERCATO_ADVISORIES names no folder of advisories."
        )
        return NO_DATA
    packages = pinned()
    found = [
        f"{name} {version}: {advisory['id']} {advisory.get('summary', '')}"
        for name, version in sorted(packages.items())
        for advisory in known
        if affects(advisory, name, version)
    ]
    print(
        "\n".join(found)
        or f"dependencies: none of {len(known)} advisories names one of {len(packages)} packages"
    )
    return 1 if found else 0


def _is_within(events: list[dict[str, str]], version: Version) -> bool:
    """OSV: affected from `introduced` on, until `fixed`, or up to and with `last_affected`."""
    inside = False
    for event in events:
        try:
            if "introduced" in event and (
                event["introduced"] == "0" or version >= Version(event["introduced"])
            ):
                inside = True
            if "fixed" in event and version >= Version(event["fixed"]):
                inside = False
            if "last_affected" in event and version > Version(event["last_affected"]):
                inside = False
        except InvalidVersion:
            continue
    return inside


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
