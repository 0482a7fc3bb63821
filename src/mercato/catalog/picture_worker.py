"""A program that reads pictures of strangers: sniffing, limits, stripping, renditions.

It is run by `mercato.catalog.pictures` as a process of its own, with no environment, no way to write a file
and an end to its memory and time, because a library that decodes what strangers send is where a shop is
broken into. It imports nothing of ours, so that it starts in a tenth of a second and holds no secret.

It reads `<length> <JSON head> <content>` from standard input and answers alike, until the input ends.
"""

import ctypes
import io
import json
import os
import re
import resource
import struct
import sys
import time
import warnings
from typing import Any, BinaryIO

from PIL import AvifImagePlugin, GifImagePlugin, ImageOps, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL import Image as Pillow

MAX_PIXELS = 50_000_000
MEMORY_BYTES = 1536 * 1024 * 1024
JOB_CPU_S = 30
LIFE_CPU_S = 600
OPEN_FILES = 32
NO_NEW_PRIVILEGES = 38
"""PR_SET_NO_NEW_PRIVS of Linux."""

ACCEPTED = ("JPEG", "PNG", "WEBP", "AVIF", "GIF")
PLUGINS = (AvifImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, WebPImagePlugin)
"""Loaded before the limits are set."""
SETTINGS: dict[str, dict[str, Any]] = {
    "avif": {"quality": 62, "speed": 8},
    "webp": {"quality": 78, "method": 4},
    "jpeg": {"quality": 82, "progressive": True, "optimize": True},
}
CLEAN_SETTINGS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 92},
    "WEBP": {"quality": 92},
    "AVIF": {"quality": 92, "speed": 8},
}
PNG_PARTS = {b"IHDR": 13, b"PLTE": 768, b"tRNS": 256, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9,
             b"sBIT": 4, b"bKGD": 6, b"IDAT": 2**31, b"IEND": 0}  # fmt: skip
"""The parts of a PNG that only describe pixels, with the bytes that each may have."""
WEBP_PARTS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH"})
MARK = re.compile(rb"\xff[^\x00\xd0-\xd7]")
"""What may follow a scan of a JPEG; inside one, 0xFF comes only before 0 or as a restart mark."""
JPEG_APPLICATION = {0xE0: 16, 0xEE: 16}
"""JFIF and Adobe color, with the bytes that each may have; every other APPn or comment is metadata."""


class Refused(Exception):
    """This is no picture for a shop: a code, and a sentence for whoever sent it."""


def accept(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Check and clean an upload: its size in pixels, and the picture without anything beside its pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Pillow.DecompressionBombWarning)
        with Pillow.open(io.BytesIO(content), formats=ACCEPTED) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise Pillow.DecompressionBombError
            opened.load()
            kind = opened.format or ""
            if is_bare(kind, content) and not getattr(opened, "is_animated", False):
                return {"width": opened.width, "height": opened.height}, content
            picture = plain(opened, opaque=kind == "JPEG")
    target = io.BytesIO()
    kept = "PNG" if kind == "GIF" else kind
    picture.save(target, kept, **CLEAN_SETTINGS[kept])
    return {"width": picture.width, "height": picture.height}, target.getvalue()


def render(content: bytes, width: int, image_format: str) -> tuple[dict[str, Any], bytes]:
    """The picture at most `width` pixels wide, encoded anew."""
    with Pillow.open(io.BytesIO(content), formats=ACCEPTED) as opened:
        opened.draft("RGB", (width, width * 4))
        picture = plain(opened, opaque=image_format == "jpeg")
    if picture.width > width:
        height = max(1, round(picture.height * width / picture.width))
        picture = picture.resize((width, height), Pillow.Resampling.LANCZOS)
    target = io.BytesIO()
    picture.save(target, image_format.upper(), **SETTINGS[image_format])
    return {}, target.getvalue()


def plain(opened: Pillow.Image, *, opaque: bool) -> Pillow.Image:
    """Upright pixels of the first frame and nothing else; transparency on white where there can be none."""
    upright = ImageOps.exif_transpose(opened)
    has_alpha = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
    if has_alpha and opaque:
        upright = upright.convert("RGBA")
        ground = Pillow.new("RGB", upright.size, "white")
        ground.paste(upright, mask=upright.getchannel("A"))
        return ground
    pixels = upright.convert("RGBA" if has_alpha else "RGB")
    pixels.info.clear()
    return pixels


def is_bare(kind: str, content: bytes) -> bool:
    """Whether a file has nothing but its picture: no metadata, no unknown part, nothing behind its end.

    Such a file is kept as it came, for encoding a picture twice only makes it worse.
    """
    try:
        if kind == "PNG":
            return _is_bare_png(content)
        if kind == "JPEG":
            return _is_bare_jpeg(content)
        return kind == "WEBP" and _is_bare_webp(content)
    except (IndexError, struct.error):
        return False


def _is_bare_png(content: bytes) -> bool:
    at = 8
    while at < len(content):
        length, name = struct.unpack_from(">I4s", content, at)
        if length > PNG_PARTS.get(name, -1):
            return False
        at += int(length) + 12
        if name == b"IEND":
            return at == len(content)
    return False


def _is_bare_webp(content: bytes) -> bool:
    (length,) = struct.unpack_from("<I", content, 4)
    at = 12 if length + 8 == len(content) else len(content) + 1
    while at < len(content):
        name, length = struct.unpack_from("<4sI", content, at)
        if name not in WEBP_PARTS:
            return False
        at += 8 + length + length % 2
    return at == len(content)


def _is_bare_jpeg(content: bytes) -> bool:
    """Segments with a length each, and scans that end with the next mark."""
    at = 2
    while content[at] == 0xFF:
        mark = content[at + 1]
        if mark == 0xD9:
            return at + 2 == len(content)
        length = struct.unpack_from(">H", content, at + 2)[0]
        is_application = 0xE0 <= mark <= 0xEF or mark == 0xFE
        if is_application and length > JPEG_APPLICATION.get(mark, -1):
            return False
        at += 2 + length
        if mark == 0xDA:
            following = MARK.search(content, at)
            at = following.start() if following else len(content)
    return False


def limit() -> None:
    """Take everything away that decoding does not need; the pipes to the shop remain."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CPU, (JOB_CPU_S, LIFE_CPU_S))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        ctypes.CDLL(None).prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def answer_to(head: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    """What to send back; a refusal is an answer too."""
    resource.setrlimit(
        resource.RLIMIT_CPU, (min(LIFE_CPU_S, int(time.process_time()) + JOB_CPU_S), LIFE_CPU_S)
    )
    try:
        if head["act"] == "accept":
            return accept(content)
        return render(content, head["width"], head["format"])
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        return {"refused": "image_too_many_pixels"}, b""
    except MemoryError:
        return {"refused": "image_too_costly"}, b""
    except Exception:  # whatever a decoder stumbles over
        return {"refused": "image_not_readable"}, b""


def read_exactly(source: BinaryIO, count: int) -> bytes:
    found = source.read(count)
    if len(found) < count:
        sys.exit(0)  # the shop has ended
    return found


def main() -> None:
    """Answer until the input ends."""
    Pillow.MAX_IMAGE_PIXELS = MAX_PIXELS
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit()
    while True:
        length, content_length = struct.unpack(">II", read_exactly(source, 8))
        head = json.loads(read_exactly(source, length))
        said, made = answer_to(head, read_exactly(source, content_length))
        told = json.dumps({**said, "cpu_s": time.process_time()}).encode()
        target.write(struct.pack(">II", len(told), len(made)) + told + made)
        target.flush()


if __name__ == "__main__":
    main()
