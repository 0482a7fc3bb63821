"""Write the generated parts of docs/architecture.md from the module table."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from mercato import compose  # noqa: E402 (the path first)
from mercato.kernel.inbox import Subscription  # noqa: E402
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
    settings = Settings(
        environment="test",
        database_url="postgresql://unused",
        nats_url="nats://unused",
        secret_key="x" * 32,
    )
    targets = [name for name, module in compose.MODULES.items() if module.contract]
    host = compose.build(settings, targets).host
    heard = [
        f"| `{consumer.name}` | {one.name} | {_subjects(consumer.subscription)} |"
        for one in host.hosted.values()
        for consumer in one.consumers
    ]
    repeated = [
        f"| `{schedule.name}` | {one.name} | {_every(schedule.every_s)} |"
        for one in host.hosted.values()
        for schedule in one.schedules
    ]
    return "\n".join(
        [
            *("| consumer | service | events |", "|---|---|---|", *sorted(heard), ""),
            *("| schedule | service | every |", "|---|---|---|", *sorted(repeated)),
        ]
    )


def generated() -> dict[str, str]:
    return {"diagram": diagram(), "modules": table(), "background": background()}


def with_generated(text: str) -> str:
    """`text` with its generated parts made anew. Raises ValueError when a mark is missing."""
    for name, part in generated().items():
        begin, end = BEGIN.format(name), END.format(name)
        if begin not in text or end not in text:
            raise ValueError(f"docs/architecture.md lacks the marks of {name}")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{part}\n{end}{rest.partition(end)[2]}"
    return text


def _subjects(subscription: Subscription) -> str:
    return ", ".join(sorted(event.subject for event in subscription.events))


def _every(seconds: float) -> str:
    if seconds % 3600 == 0:
        return f"{seconds / 3600:g} h"
    return f"{seconds / 60:g} min" if seconds % 60 == 0 else f"{seconds:g} s"


if __name__ == "__main__":
    DOCUMENT.write_text(with_generated(DOCUMENT.read_text("utf-8")), "utf-8")
