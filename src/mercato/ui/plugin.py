"""Puts the user interface into a Litestar application: renderer, built files, appearance, style guide."""

from pathlib import Path

from litestar.config.app import AppConfig
from litestar.plugins import InitPlugin

from mercato.ui.preferences import switch_density, switch_theme
from mercato.ui.rendering import Renderer
from mercato.ui.static_files import StaticFiles, static_file
from mercato.ui.styleguide import styleguide


class UserInterface(InitPlugin):
    """A plugin of the application that serves pages; the style guide comes with development only."""

    def __init__(
        self, *, development: bool, overrides: Path | None = None, cache: Path | None = None
    ) -> None:
        """Raises AssetsMissing without built assets. `overrides` is a merchant's template folder."""
        self._renderer = Renderer(overrides=overrides, cache=cache)
        self._files = StaticFiles()
        self._development = development

    def on_app_init(self, app_config: AppConfig) -> AppConfig:
        app_config.state.renderer = self._renderer
        app_config.state.static_files = self._files
        app_config.route_handlers.extend([static_file, switch_theme, switch_density])
        if self._development:
            app_config.route_handlers.append(styleguide)
        return app_config
