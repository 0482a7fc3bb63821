"""mercato users breach-filter"""

from pathlib import Path

from mercato.commands.surroundings import CommandError


def breach_filter(source: Path, target: Path, *, false_positives: float = 0.0001) -> None:
    """Make the file that MERCATO_BREACHED_PASSWORDS names.

    Parameters
    ----------
    source
        Passwords, or SHA-1 hashes with counts (`HASH:COUNT`), one per line.
    target
        The filter: 2.4 bytes per password at the default share.
    false_positives
        The share of other passwords that it refuses by mistake.
    """
    from mercato.kernel.breaches import make_filter

    if not 0 < false_positives < 1:
        raise CommandError("--false-positives is a share between 0 and 1, for example 0.0001")
    try:
        with open(source, encoding="utf-8", errors="replace") as lines:
            count = sum(1 for _ in lines)
        with open(source, encoding="utf-8", errors="replace") as lines:
            made = make_filter(lines, target, count=count, share=false_positives)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None
    print(f"{made:,} passwords in {target} ({target.stat().st_size:,} bytes)")
