"""The file that a person gets: data.json, the papers as PDF, and a sentence about both. Pure."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Any

ABOUT = """This is a copy of what the shop knows about {email}, made on {at} (UTC).

data.json holds it all, one part for each service of the shop, one list for each kind of record.
The folder files holds the papers and parcel labels that were made for you.
Passwords, keys and the links of mails are not part of it: they are kept only in a form that nobody can read.
"""
FILES = {"document_files": "files/{}.pdf", "label_files": "files/label-{}.pdf"}
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")


def write_archive(gathered: Mapping[str, Mapping[str, list[str]]], *, email: str, at: datetime) -> bytes:
    """A ZIP of what was gathered: service → section → rows as JSON text."""
    buffer = io.BytesIO()
    data: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for service, sections in gathered.items():
            data[service] = {}
            for section, rows in sections.items():
                records = [json.loads(row) for row in rows]
                if section in FILES:
                    for record in records:
                        path = FILES[section].format(_UNSAFE.sub("_", str(record["name"])))
                        archive.writestr(path, base64.b64decode(record["pdf"]))
                else:
                    data[service][section] = records
        archive.writestr("data.json", json.dumps(data, ensure_ascii=False, indent=1))
        archive.writestr("about.txt", ABOUT.format(email=email, at=at.strftime("%Y-%m-%d %H:%M")))
    return buffer.getvalue()
