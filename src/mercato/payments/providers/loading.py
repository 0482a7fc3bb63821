"""Which providers this shop has: entry points say what there is, the settings say what is loaded."""

from importlib.metadata import EntryPoint, entry_points

from mercato.payments.providers.port import Provider, Surroundings
from mercato.settings import Settings, SettingsError

GROUP = "mercato.payment_providers"


def load_providers(surroundings: Surroundings) -> dict[str, Provider]:
    """The providers by code, in the order of checkout; the code of others is never imported.

    Raises SettingsError when a name is unknown or its provider lacks a setting.
    """
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    providers: dict[str, Provider] = {}
    for name in names_of(surroundings.settings):
        provider: Provider = _factory(installed, name).load()(surroundings)
        if provider.code != name:
            raise SettingsError(
                f"The payment provider {name} calls itself {provider.code}: the names differ."
            )
        providers[name] = provider
    return providers


def names_of(settings: Settings) -> list[str]:
    """The names that the settings ask for, or those of the box that are set up."""
    named = [name.strip() for name in settings.payment_providers.split(",")]
    if any(named):
        return list(dict.fromkeys(name for name in named if name))
    stripe = ["stripe"] if settings.stripe_secret_key else []
    simulator = [] if settings.is_production else ["simulator"]
    return [*stripe, *simulator, "manual"]


def _factory(installed: dict[str, EntryPoint], name: str) -> EntryPoint:
    entry = installed.get(name)
    if entry is None:
        known = ", ".join(sorted(installed)) or "none: install Mercato again"
        raise SettingsError(f"No package brings the payment provider {name!r}. Installed: {known}.")
    return entry
