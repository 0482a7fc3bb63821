"""Pictures as bytes: sniffing, limits, stripping, renditions. Computes for long: run it in a thread."""

import hashlib
import io
import warnings

from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from mercato.kernel.errors import FieldError, Invalid

MAX_BYTES = 10 * 1024 * 1024
MAX_PIXELS = 50_000_000
WIDTHS = (160, 320, 480, 640, 960, 1600)
FORMATS = ("avif", "webp", "jpeg")

_ACCEPTED = ("JPEG", "PNG", "WEBP", "AVIF", "GIF")
_KEY_LETTERS = 32
_SETTINGS = {
    "avif": {"quality": 62, "speed": 8},
    "webp": {"quality": 78, "method": 4},
    "jpeg": {"quality": 82, "progressive": True, "optimize": True},
}
_METADATA = ("exif", "icc_profile", "xmp", "comment", "photoshop", "XML:com.adobe.xmp")

Pillow.MAX_IMAGE_PIXELS = MAX_PIXELS


class Picture:
    """An accepted original: `content` has no metadata, `key` is the hash of what was uploaded."""

    __slots__ = ("content", "height", "key", "width")

    def __init__(self, key: str, content: bytes, width: int, height: int) -> None:
        self.key = key
        self.content = content
        self.width = width
        self.height = height


def key_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_KEY_LETTERS]


def accept(content: bytes) -> Picture:
    """Check and clean an upload. Raises Invalid("image_…") that says what is wrong with it."""
    if len(content) > MAX_BYTES:
        raise _refused("image_too_large", f"The picture is larger than {MAX_BYTES // 2**20} MiB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            with Pillow.open(io.BytesIO(content), formats=_ACCEPTED) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise _too_many_pixels()
                return _cleaned(opened, content)
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise _refused("image_not_readable", "This is no JPEG, PNG, WebP, AVIF or GIF picture.") from None


def render(original: bytes, width: int, image_format: str) -> bytes:
    """The picture at most `width` pixels wide, encoded anew."""
    with Pillow.open(io.BytesIO(original), formats=_ACCEPTED) as opened:
        opened.draft("RGB", (width, width * 4))
        picture = _plain(opened, opaque=image_format == "jpeg")
    if picture.width > width:
        height = max(1, round(picture.height * width / picture.width))
        picture = picture.resize((width, height), Pillow.Resampling.LANCZOS)
    return _encoded(picture, image_format)


def _cleaned(opened: Pillow.Image, content: bytes) -> Picture:
    """The upload as it is when nothing has to go: encoding a picture twice only makes it worse."""
    kind = (opened.format or "").lower()
    has_metadata = any(opened.info.get(name) for name in _METADATA) or bool(opened.getexif())
    is_animated = getattr(opened, "is_animated", False)
    opened.load()
    if kind in ("jpeg", "webp", "avif", "png") and not has_metadata and not is_animated:
        return Picture(key_of(content), content, opened.width, opened.height)
    picture = _plain(opened, opaque=kind == "jpeg")
    if kind in ("png", "gif"):
        target = io.BytesIO()
        picture.save(target, "PNG", optimize=True)
        clean = target.getvalue()
    else:
        target = io.BytesIO()
        picture.save(target, kind.upper(), quality=92)
        clean = target.getvalue()
    return Picture(key_of(content), clean, picture.width, picture.height)


def _plain(opened: Pillow.Image, *, opaque: bool) -> Pillow.Image:
    """Upright pixels and nothing else; transparency on white where the format has none."""
    upright = ImageOps.exif_transpose(opened)
    has_alpha = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
    if has_alpha and opaque:
        upright = upright.convert("RGBA")
        ground = Pillow.new("RGB", upright.size, "white")
        ground.paste(upright, mask=upright.getchannel("A"))
        return ground
    plain = upright.convert("RGBA" if has_alpha else "RGB")
    plain.info.clear()
    return plain


def _encoded(picture: Pillow.Image, image_format: str) -> bytes:
    target = io.BytesIO()
    picture.save(target, image_format.upper(), **_SETTINGS[image_format])
    return target.getvalue()


def _too_many_pixels() -> Invalid:
    return _refused("image_too_many_pixels", f"The picture has more than {MAX_PIXELS // 10**6} megapixels.")


def _refused(code: str, text: str) -> Invalid:
    return Invalid(code, text, errors=[FieldError("image", code, text)])
