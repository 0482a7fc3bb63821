"""The ways through a list: back to its beginning, on to what comes next."""

from mercato.admin.lists import turns
from mercato.contracts.shared import Page


def test_the_first_page_leads_on_and_nowhere_back() -> None:
    page = Page([1, 2], "abc", 5)
    assert turns("/x", page, None, q="mug", status="") == {
        "first_url": "",
        "next_url": "/x?q=mug&cursor=abc",
    }


def test_the_last_page_leads_back_with_the_same_choices() -> None:
    assert turns("/x", Page([1]), "abc", q="mug") == {"first_url": "/x?q=mug", "next_url": ""}


def test_no_list_leads_nowhere() -> None:
    assert turns("/x", None, None) == {"first_url": "", "next_url": ""}
