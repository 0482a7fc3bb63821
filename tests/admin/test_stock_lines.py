"""Lists of goods as people type, scan and upload them."""

from uuid import UUID

import pytest

from mercato.admin.stock_lines import MAX_LINES, demands_of, read_lines
from mercato.contracts.stock import Demand
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Invalid
from mercato.kernel.ids import new_id


def test_a_thousand_behind_a_comma_is_not_read_as_one() -> None:
    with pytest.raises(Invalid) as refused:
        read_lines("MUG, 2\nBOWL, 1,000")
    assert refused.value.detail == "Line 2 has more than a code and a number; write thousands as 1000."
    assert read_lines("sku,quantity,name\nMUG,2,A mug") == {"MUG": 2}
    assert read_lines("MUG,2,,") == {"MUG": 2}


def test_a_scanner_writes_a_code_a_line_and_the_same_code_adds_up() -> None:
    assert read_lines("4006381333931\r\n4006381333931\n\n MUG \n") == {"4006381333931": 2, "MUG": 1}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("MUG, 3\nBOWL,4", {"MUG": 3, "BOWL": 4}),
        ("MUG;3\nMUG;0", {"MUG": 3}),
        ("MUG\t3", {"MUG": 3}),
        ("SKU,Quantity\nMUG,2\n", {"MUG": 2}),
        ("\ufeffname;counted;barcode\nA mug;7;40063\n", {"40063": 7}),
        ("quantity,sku\n5,MUG", {"MUG": 5}),
        ('"MUG, large",2', {"MUG, large": 2}),
        ("MUG,0", {"MUG": 0}),
    ],
)
def test_reads_lists_in_the_forms_that_programs_write(text: str, found: dict[str, int]) -> None:
    assert read_lines(text) == found


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "at least one"),
        ("MUG," + "9" * 200_000, "field larger than field limit"),
        ("  \n ", "at least one"),
        ("MUG,two", "Line 1: “two” is not a whole number."),
        ("MUG,1\nBOWL,-1", "Line 2: “-1” is not a whole number."),
        ("MUG,1.5", "is not a whole number"),
        (",4", "Line 1 has no SKU or barcode."),
        ("x" * 121, "Line 1 has no SKU or barcode."),
        ("MUG,9999999999", "more than anybody can count"),
        ("\n".join(str(number) for number in range(MAX_LINES + 1)), "at most"),
    ],
)
def test_says_which_line_cannot_be_read(text: str, told: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_lines(text)
    assert told in refused.value.detail


class Codes:
    """A catalog that knows some codes."""

    def __init__(self, **known: UUID) -> None:
        self.known = known

    async def variants_by_code(self, ctx: object, *, codes: list[str]) -> dict[str, UUID]:
        return {code: self.known[code] for code in codes if code in self.known}


async def test_sku_and_barcode_of_one_variant_are_one_demand() -> None:
    mug = new_id()
    catalog = Codes(MUG=mug, B40063=mug)
    demands = await demands_of(SYSTEM_CONTEXT, catalog, {"MUG": 2, "B40063": 3})  # type: ignore[arg-type]
    assert demands == [Demand(mug, 5)]


async def test_codes_that_name_nothing_are_told() -> None:
    lines = {"MUG": 1, **{f"X{number}": 1 for number in range(12)}}
    with pytest.raises(Invalid) as refused:
        await demands_of(SYSTEM_CONTEXT, Codes(MUG=new_id()), lines)  # type: ignore[arg-type]
    assert "X0, X1" in refused.value.detail and "and 2 more" in refused.value.detail
