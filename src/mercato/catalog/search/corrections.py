"""Did you mean: the nearest words that the index knows. Pure but for reading its dictionary."""

from collections.abc import Sequence

import tantivy

CANDIDATES_MAX = 20_000
DISTANCE_SHORT = 1
DISTANCE_LONG = 2
LONG_FROM_LETTERS = 6
SHORTEST_CORRECTED = 3


def correction_of(searcher: tantivy.Searcher, words: Sequence[str]) -> str | None:
    """`words` with every unknown one replaced by the nearest known one; None when nothing is near."""
    corrected = [word if _is_known(searcher, word) else _nearest(searcher, word) for word in words]
    known = [word for word in corrected if word is not None]
    if len(known) != len(words) or known == list(words):
        return None
    return " ".join(known)


def _is_known(searcher: tantivy.Searcher, word: str) -> bool:
    return bool(searcher.terms_with_prefix("words", word, limit=1))


def _nearest(searcher: tantivy.Searcher, word: str) -> str | None:
    """The nearest word, of equally near ones the most frequent. First letters are rarely mistyped, so
    words with the same one are looked at first."""
    if len(word) < SHORTEST_CORRECTED:
        return None
    limit = DISTANCE_LONG if len(word) >= LONG_FROM_LETTERS else DISTANCE_SHORT
    for prefix in (word[:1], ""):
        candidates = searcher.terms_with_prefix("words", prefix, limit=CANDIDATES_MAX)
        near = [
            (found, -frequency, term)
            for term, frequency in candidates
            if abs(len(term) - len(word)) <= limit and (found := distance(word, term, limit)) <= limit
        ]
        if near:
            return min(near)[2]
    return None


def distance(left: str, right: str, limit: int) -> int:
    """Letters added, left out, replaced or swapped with a neighbor; `limit` + 1 when there are more."""
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        previous, row = row, [i] + [0] * len(right)
        for j, other in enumerate(right, 1):
            cost = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row[j] = cost
        if min(row) > limit:
            return limit + 1
        before = previous
    return row[-1]
