"""Write the generated parts of docs/architecture.md from the module table."""

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from mercato import compose  # noqa: E402 (the path first)
from mercato.kernel.host import Host  # noqa: E402
from mercato.kernel.messaging.inbox import Subscription  # noqa: E402
from mercato.settings import Settings  # noqa: E402

DOCUMENT = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- generated: {} -->", "<!-- end of generated: {} -->"


def diagram() -> str:
    """Modules and what each calls, as Mermaid."""
    lines = ["```mermaid", "flowchart TD"]
    for name, module in compose.MODULES.items():
        schemas = ", ".join(module.schemas)
        lines.append(f'  {name}["<b>{name}</b><br/>{schemas}"]')
    for name, module in compose.MODULES.items():
        lines += [f"  {name} --> {need}" for need in module.needs]
    return "\n".join([*lines, "```"])


def table() -> str:
    """The module table: package, schemas, needs."""
    lines = ["| target | package | schemas | calls |", "|---|---|---|---|"]
    for name, module in compose.MODULES.items():
        schemas, needs = ", ".join(module.schemas), ", ".join(module.needs) or "–"
        lines.append(f"| `{name}` | `{module.package}` | {schemas} | {needs} |")
    return "\n".join(lines)


def background() -> str:
    """Who hears which events, and what repeats."""
    hosted = _host().hosted.values()
    heard = [
        f"| `{consumer.name}` | {one.name} | {_subjects(consumer.subscription)} |"
        for one in hosted
        for consumer in one.consumers
    ]
    repeated = [
        f"| `{schedule.name}` | {one.name} | {_every(schedule.every_s)} |"
        for one in hosted
        for schedule in one.schedules
    ]
    return "\n".join(
        [
            *("| consumer | service | events |", "|---|---|---|", *sorted(heard), ""),
            *("| schedule | service | every |", "|---|---|---|", *sorted(repeated)),
        ]
    )


def consumers() -> list[tuple[str, Subscription]]:
    """Every durable consumer by its name."""
    return [
        (consumer.name, consumer.subscription)
        for one in _host().hosted.values()
        for consumer in one.consumers
    ]


def generated() -> dict[str, str]:
    return {"diagram": diagram(), "modules": table(), "background": background()}


def with_generated(text: str) -> str:
    """The page about the architecture with its generated parts made anew."""
    return with_parts(text, generated())


def with_parts(text: str, parts: Mapping[str, str]) -> str:
    """`text` with each part between its marks. Raises ValueError when a mark is missing."""
    for name, part in parts.items():
        begin, end = BEGIN.format(name), END.format(name)
        if begin not in text or end not in text:
            raise ValueError(f"the document lacks the marks of {name}")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{part}\n{end}{rest.partition(end)[2]}"
    return text


@cache
def _host() -> Host:
    """All modules in one process, not started."""
    settings = Settings(
        environment="test",
        database_url="postgresql://unused",
        nats_url="nats://unused",
        secret_key="x" * 32,
    )
    return compose.build(settings, list(compose.MODULES)).host


def _subjects(subscription: Subscription) -> str:
    return ", ".join(sorted(event.subject for event in subscription.events))


def _every(seconds: float) -> str:
    if seconds % 3600 == 0:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds % 60 == 0 else f"{seconds:g} s"


if __name__ == "__main__":
    DOCUMENT.write_text(with_generated(DOCUMENT.read_text("utf-8")), "utf-8")
