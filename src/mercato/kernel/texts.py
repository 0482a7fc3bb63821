"""Texts for machines and people: without accents, as slugs, as labels."""

import re
import unicodedata

MAX_SLUG = 120

_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "œ": "oe", "ł": "l", "đ": "d"})


def fold(text: str) -> str:
    """`text` without accents and case: "Éclair Ø" → "eclair o"."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()


def slug_of(text: str) -> str:
    """A slug for `text`; "item" when nothing of it can stand in one."""
    words = re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")
    return words[:MAX_SLUG].strip("-") or "item"


def free_slug(base: str, taken: set[str]) -> str:
    """`base`, or `base-2`, `base-3` … when it is taken."""
    slug, number = base, 1
    while slug in taken:
        number += 1
        suffix = f"-{number}"
        slug = base[: MAX_SLUG - len(suffix)].strip("-") + suffix
    return slug


def label_of(value: str) -> str:
    """A value as people read it when nobody gave it a label: "solid-oak" → "Solid oak"."""
    words = value.replace("-", " ").replace("_", " ").strip()
    return words[:1].upper() + words[1:]
