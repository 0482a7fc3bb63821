"""What staff types into forms, read with care: text, money, whole numbers; and what to say afterwards."""

import re
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from litestar.enums import RequestEncodingType
from litestar.params import Body

from mercato.kernel.errors import Denied, FieldError, Invalid, MercatoError, NotFound, Throttled, Unavailable
from mercato.kernel.money import Money, exponent, from_decimal

FormData = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
"""The fields of a posted form; a field that was sent several times is a list."""

MAX_TEXT = 20_000

Kind = TypeVar("Kind", bound=StrEnum)


def text(data: dict[str, Any], name: str, default: str = "") -> str:
    """The field `name`, trimmed; `default` when it was not sent."""
    value = data.get(name, default)
    if isinstance(value, list):
        value = value[-1] if value else default
    return str(value).strip()[:MAX_TEXT]


def texts(data: dict[str, Any], name: str) -> list[str]:
    """All values of the field `name`."""
    value = data.get(name, [])
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def money(data: dict[str, Any], name: str, currency: str) -> Money | None:
    """An amount typed in major units, "12.50" or "12,50"; None when empty. Raises Invalid.

    Thousands are not separated: "1,000" could be one or a thousand, so it is refused where cents have two
    digits.
    """
    typed = text(data, name).replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
    if not typed:
        return None
    places = exponent(currency)
    fraction = rf"(?:[.,][0-9]{{1,{places}}})?" if places else ""
    if not re.fullmatch(rf"[0-9]{{1,10}}{fraction}", typed):
        example = f"12.{'50'.ljust(places, '0')[:places]}" if places else "1250"
        raise _wrong(name, f"Enter an amount such as {example}, without a sign for thousands.")
    return from_decimal(Decimal(typed.replace(",", ".")), currency)


def whole(data: dict[str, Any], name: str, *, least: int = 0, most: int = 1_000_000_000) -> int | None:
    """A whole number between `least` and `most`; None when empty. Raises Invalid."""
    typed = text(data, name)
    if not typed:
        return None
    if not re.fullmatch("-?[0-9]{1,12}", typed):
        raise _wrong(name, "Enter a whole number.")
    value = int(typed)
    if not least <= value <= most:
        raise _wrong(name, f"Enter a number between {least} and {most}.")
    return value


def one_of(kind: type[Kind], value: str) -> Kind | None:
    """The member of `kind` that an address names; None for anything else."""
    return kind(value) if value in [member.value for member in kind] else None


def status_of(error: MercatoError) -> int:
    """The HTTP status of a form that is shown again because of `error`."""
    statuses = ((Denied, 403), (NotFound, 404), (Invalid, 422), (Throttled, 429), (Unavailable, 503))
    return next((status for kind, status in statuses if isinstance(error, kind)), 409)


def done(url: str, code: str) -> str:
    """`url` with the code of a sentence that the next page shows."""
    return f"{url}?{urlencode({'done': code})}"


def errors_by_field(error: MercatoError | None) -> dict[str, str]:
    """Field → sentence, for the form that is shown again."""
    return {} if error is None else {each.field: each.message for each in error.errors}


def why(error: MercatoError | None) -> str:
    """The sentence of a refusal, or its code when it has none; empty without one."""
    return "" if error is None else error.detail or str(error)


def refusal_shown(error: MercatoError | None) -> dict[str, Any]:
    """What the templates of forms say of `error`: one sentence when it names no field, else by field, and all
    of these together for the top of the page."""
    if error is None:
        return {"error": "", "errors": {}, "problems": []}
    sentence = "" if error.errors else error.detail
    return {"error": sentence, "errors": errors_by_field(error), "problems": error.errors}


def _wrong(name: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(name, "invalid", message)])
