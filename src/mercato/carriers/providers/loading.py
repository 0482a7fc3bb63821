"""Which carriers this shop has: entry points say what there is, the settings say what is loaded."""

from importlib.metadata import entry_points

from mercato.carriers.providers.port import Carrier, Surroundings
from mercato.settings import Settings, SettingsError

GROUP = "mercato.carriers"


def load_carriers(surroundings: Surroundings) -> dict[str, Carrier]:
    """The carriers by code; the code of others is never imported.

    Raises SettingsError when a name is unknown or its carrier lacks a setting.
    """
    names = names_of(surroundings.settings)
    if not names:
        return {}
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    carriers: dict[str, Carrier] = {}
    for name in names:
        if name not in installed:
            known = ", ".join(sorted(installed)) or "none: install Mercato again"
            raise SettingsError(f"No package brings the carrier {name!r}. Installed: {known}.")
        carrier: Carrier = installed[name].load()(surroundings)
        if carrier.code != name:
            raise SettingsError(f"The carrier {name} calls itself {carrier.code}: the names differ.")
        carriers[name] = carrier
    return carriers


def names_of(settings: Settings) -> list[str]:
    """The names that the settings ask for; without any, the simulated one outside production."""
    named = [name.strip() for name in settings.carriers.split(",") if name.strip()]
    if named:
        return list(dict.fromkeys(named))
    return [] if settings.is_production else ["simulated"]
