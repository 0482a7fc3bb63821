"""Pictures of strangers are read in a process that can do nothing else: limits, bombs, crashes, metadata."""

import asyncio
import io
import resource
import struct
import sys
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image as Pillow
from PIL import ImageOps, PngImagePlugin

from mercato.catalog import picture_worker
from mercato.catalog.pictures import PictureProcesses
from mercato.kernel.errors import Invalid, Unavailable
from support.waiting import eventually

SECRET = b"48.2082 N secret place"


@pytest.fixture
async def processes() -> AsyncIterator[PictureProcesses]:
    made = PictureProcesses()
    yield made
    await made.close()
    await eventually(_none_left)


async def _none_left() -> bool:
    return not workers()


def workers() -> list[psutil.Process]:
    """The processes that read pictures now."""
    found = psutil.Process().children()
    return [each for each in found if each.is_running() and "picture_worker.py" in " ".join(_line(each))]


def _line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def picture(kind: str = "JPEG", size: tuple[int, int] = (60, 40), **more: Any) -> bytes:
    target = io.BytesIO()
    ground = Pillow.linear_gradient("L").resize(size).convert("RGB")
    ground.save(target, kind, **more)
    return target.getvalue()


def placed() -> Pillow.Exif:
    """Where a picture was taken, as telephones write it."""
    exif = Pillow.Exif()
    exif[0x0112] = 6  # lies on its side
    exif.get_ifd(0x8825)[29] = SECRET.decode()
    exif[0x010E] = SECRET.decode()
    return exif


def with_text() -> PngImagePlugin.PngInfo:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    return text


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pixel_bomb() -> bytes:
    """A few bytes that say they are 60,000 pixels wide and high."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def long_gif() -> bytes:
    frames = [Pillow.new("P", (200, 200), n % 250) for n in range(400)]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    return target.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        picture("JPEG", exif=placed()),
        picture("JPEG", comment=SECRET),
        picture("JPEG", xmp=SECRET),
        picture("JPEG")[:2] + b"\xff\xeb" + struct.pack(">H", len(SECRET) + 2) + SECRET + picture("JPEG")[2:],
        picture("PNG", pnginfo=with_text()),
        picture("PNG", exif=placed()),
        picture("WEBP", exif=placed()),
        picture("WEBP", xmp=SECRET),
        picture("AVIF", exif=placed()),
        *(picture(kind) + b"<script>PK\x03\x04" + SECRET for kind in ("JPEG", "PNG", "WEBP", "AVIF", "GIF")),
        picture("JPEG") + SECRET + b"\xff\xd9",
        picture("PNG") + SECRET + chunk(b"IEND", b""),
    ],
    ids=["exif", "comment", "xmp", "app11", "text", "png-exif", "webp-exif", "webp-xmp", "avif-exif",
         "jpeg+zip", "png+zip", "webp+zip", "avif+zip", "gif+zip", "jpeg+end", "png+end"],
)  # fmt: skip
async def test_nothing_but_pixels_is_kept(processes: PictureProcesses, content: bytes) -> None:
    assert SECRET in content
    kept = await processes.accept(content)
    assert SECRET not in kept.content and b"script" not in kept.content
    with Pillow.open(io.BytesIO(kept.content)) as opened, Pillow.open(io.BytesIO(content)) as sent:
        upright = ImageOps.exif_transpose(sent)
        assert (opened.size, dict(opened.getexif())) == (upright.size, {})
        assert (kept.width, kept.height) == upright.size


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_that_is_only_a_picture_is_kept_as_it_came(
    processes: PictureProcesses, kind: str
) -> None:
    content = picture(kind, progressive=True) if kind == "JPEG" else picture(kind)
    assert (await processes.accept(content)).content == content


async def test_of_a_moving_picture_the_first_frame_is_kept(processes: PictureProcesses) -> None:
    kept = await processes.accept(long_gif())
    with Pillow.open(io.BytesIO(kept.content)) as opened:
        assert (opened.format, opened.size, getattr(opened, "n_frames", 1)) == ("PNG", (200, 200), 1)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (pixel_bomb(), "image_too_many_pixels"),
        (picture("PNG", (8000, 7000)), "image_too_many_pixels"),
        (picture("WEBP")[:80], "image_not_readable"),
        (picture("PNG", (300, 300))[:-60], "image_not_readable"),
        (b"GIF89a" + b"\xff" * 600, "image_not_readable"),
        (b"%PDF-1.7 /JS (app.alert(1))", "image_not_readable"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file", "image_not_readable"),
        (b"x" * (10 * 1024 * 1024 + 1), "image_too_large"),
    ],
    ids=["header", "many", "cut", "cut png", "noise", "pdf", "postscript", "large"],
)
async def test_refuses_bombs_and_strangers_and_reads_the_next(
    processes: PictureProcesses, content: bytes, code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await processes.accept(content)
    assert (refused.value.code, [one.field for one in refused.value.errors]) == (code, ["image"])
    assert (await processes.accept(picture())).width == 60


async def test_the_largest_picture_fits_into_the_memory_that_there_is(processes: PictureProcesses) -> None:
    kept = await processes.accept(picture("JPEG", (8000, 6000), exif=placed(), quality=60))
    assert (kept.width, kept.height) == (6000, 8000)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_process_knows_nothing_writes_nothing_and_has_limits(
    processes: PictureProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", SECRET.decode())
    await processes.accept(picture())
    [process] = workers()
    assert process.environ() == {} and process.cwd() == "/"
    assert {each.fd for each in process.open_files()} == set() and process.net_connections() == []
    limits = {
        resource.RLIMIT_AS: (picture_worker.MEMORY_BYTES,) * 2,
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_NOFILE: (picture_worker.OPEN_FILES,) * 2,
    }
    assert {kind: resource.prlimit(process.pid, kind) for kind in limits} == limits
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_CPU)
    assert 0 < soft <= picture_worker.JOB_CPU_S + 2 and hard == picture_worker.LIFE_CPU_S
    assert "NoNewPrivs:\t1" in Path(f"/proc/{process.pid}/status").read_text()


async def test_a_process_that_breaks_or_has_no_time_left_is_replaced(processes: PictureProcesses) -> None:
    await processes.accept(picture())
    [broken] = workers()
    resource.prlimit(broken.pid, resource.RLIMIT_CPU, (0, 0))  # what a picture does that never ends
    with pytest.raises(Invalid) as refused:
        await processes.accept(picture("PNG", (6000, 6000)))
    assert refused.value.code == "image_too_costly"
    assert (await processes.accept(picture())).width == 60
    assert [each.pid for each in workers()] != [broken.pid]


async def test_memory_without_an_end_is_refused(processes: PictureProcesses) -> None:
    await processes.accept(picture())
    [process] = workers()
    resource.prlimit(process.pid, resource.RLIMIT_AS, (process.memory_info().vms + 2**24,) * 2)
    with pytest.raises(Invalid) as refused:
        await processes.accept(picture("PNG", (6000, 6000)))
    assert refused.value.code == "image_too_costly"
    assert (await processes.accept(picture())).width == 60


async def test_what_one_gave_up_does_not_reach_the_next(processes: PictureProcesses) -> None:
    large = asyncio.create_task(processes.accept(picture("PNG", (5000, 5000))))
    await eventually(_some_worker)
    large.cancel()
    with pytest.raises(asyncio.CancelledError):
        await large
    assert (await processes.accept(picture("PNG", (70, 30)))).width == 70


async def _some_worker() -> bool:
    return bool(workers())


async def test_many_at_once_share_two_processes_and_too_many_are_told_to_wait(
    processes: PictureProcesses,
) -> None:
    content = picture("PNG", (900, 900))
    told = await asyncio.gather(
        *(processes.render(content, 320, "jpeg") for _ in range(70)), return_exceptions=True
    )
    refused = [one for one in told if isinstance(one, Unavailable)]
    assert len(refused) == 6 and {one.code for one in refused} == {"busy"}
    assert len([one for one in told if isinstance(one, bytes)]) == 64
    assert len(workers()) == 2
