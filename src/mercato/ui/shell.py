"""What the frames around pages show: names, navigation, counts."""

import msgspec


class Link(msgspec.Struct, frozen=True, gc=False):
    """An entry of a navigation. `tone` is "" or "sale"; `count` is a badge, empty for none."""

    label: str
    url: str
    icon: str = ""
    count: str = ""
    is_current: bool = False
    tone: str = ""


class LinkGroup(msgspec.Struct, frozen=True):
    """A titled list of links, in a footer or beside the pages of the admin; the title may be empty."""

    title: str
    links: tuple[Link, ...]


class ShopShell(msgspec.Struct, frozen=True):
    """The frame of the storefront for one visitor."""

    name: str
    tagline: str
    navigation: tuple[Link, ...]
    footer: tuple[LinkGroup, ...]
    announcement: str = ""
    search_hint: str = "Search"
    cart_count: int = 0
    visitor: str = ""
    """The name of the signed-in customer; empty for a guest."""
    is_staff: bool = False
    acting_for: str = ""
    """Whom somebody of the staff acts for on this page; empty when nobody does."""


class AdminShell(msgspec.Struct, frozen=True):
    """The frame of the admin for one member of staff. `health` is ok, degraded, down or unknown."""

    name: str
    navigation: tuple[LinkGroup, ...]
    user_name: str
    user_email: str
    health: str = "unknown"
    sees_system: bool = False
    """May open the System page: then each page asks how the shop is doing after it has loaded."""

    @property
    def initials(self) -> str:
        """One or two letters for the avatar."""
        words = (self.user_name or self.user_email).replace("@", " ").split()
        return "".join(word[0] for word in words[:2]).upper()
