"""How addresses are written in each country, for forms of any client."""

from typing import Annotated

from litestar import get
from litestar.params import PathParameter

from mercato.contracts.shared import Page
from mercato.kernel.address_rules import AddressChoice, AddressRules, address_rules, countries
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.web import PUBLIC

Country = Annotated[str, PathParameter(min_length=2, max_length=2, description="ISO 3166-1 alpha-2 code.")]


@get("/address-rules", permission=PUBLIC, cached=("address-rules",))
async def list_countries(ctx: Context) -> Page[AddressChoice]:
    """Every country with rules, by name."""
    found = countries()
    return Page(found, None, len(found))


@get("/address-rules/{country:str}", permission=PUBLIC, cached=("address-rules",))
async def rules_of_country(ctx: Context, country: Country) -> AddressRules:
    """The fields of a country in their order: labels, which must be there, regions, postal codes."""
    rules = address_rules(country)
    if rules is None:
        raise NotFound("country_not_found", "There is no such country.")
    return rules


routes = [list_countries, rules_of_country]
