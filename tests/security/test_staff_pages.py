"""Staff, roles and the audit log as pages: made, given, taken, written down, exported."""

import csv
import io
import re
from typing import Any

import httpx

from mercato.kernel.web import STAFF
from security.doors import PASSWORD, Door, Visitor
from support.furnish import Staff
from support.waiting import eventually


def post(visitor: Visitor, path: str, data: dict[str, Any]) -> httpx.Response:
    return visitor.knock(Door("POST", path, STAFF), data=data)


def get(visitor: Visitor, path: str) -> str:
    answer = visitor.knock(Door("GET", path, STAFF))
    assert answer.status_code == 200, answer.text[:300]
    return answer.text


async def test_a_role_is_made_given_and_taken_and_the_log_tells_it(
    staff: Staff, visitors: dict[str, Visitor]
) -> None:
    owner = visitors["owner"]
    rights = ["read_orders", "write_fulfillments"]
    form = {"code": "packer", "name": "=Packer", "description": "Packs", "permissions": rights}
    wrong = post(owner, "/admin/roles", {**form, "code": "No Code"})
    assert wrong.status_code == 422 and "Use small letters" in wrong.text
    assert post(owner, "/admin/roles", form).status_code == 303
    saved = post(
        owner, "/admin/roles/packer", {**form, "version": 1, "channels": "eu, us", "requires_mfa": "1"}
    )
    assert saved.status_code == 303
    role = next(each for each in staff.get("/roles")["items"] if each["code"] == "packer")
    assert (role["channels"], role["requires_mfa"], role["permissions"]) == (["eu", "us"], True, rights)

    person = {"email": "pat@example.com", "name": "Pat", "password": PASSWORD, "roles": "packer"}
    made = post(owner, "/admin/staff", person)
    page = made.headers["location"].partition("?")[0]
    shown = get(owner, page)
    rights_of_pat = shown.partition("<main")[2].partition("</main>")[0]
    assert "only in eu, us" in rights_of_pat and "Fulfillments" in rights_of_pat
    assert "Gift cards" not in rights_of_pat
    version = re.search(r'name="version" value="(\d+)"', shown)
    assert version is not None
    off = post(owner, f"{page}/active", {"is_active": "0", "version": version[1]})
    assert off.status_code == 303 and "Switched off" in get(owner, page)
    again = post(owner, f"{page}/active", {"is_active": "0", "version": version[1]})
    assert again.status_code == 409 and "changed this account meanwhile" in again.text
    in_use = post(owner, "/admin/roles/packer/delete", {"version": 2})
    assert in_use.status_code == 409 and "take it from them first" in in_use.text

    async def is_told() -> bool:
        return "User: deactivated" in get(owner, "/admin/audit?act=user")

    await eventually(is_told)
    assert "requires mfa" in get(owner, "/admin/audit?act=role.changed")
    assert "The chain holds" in get(owner, "/admin/audit/verification")
    number = re.search(r"/admin/audit/(\d+)", get(owner, "/admin/audit?act=role.changed"))
    assert number and "<del>false</del>" in get(owner, f"/admin/audit/{number[1]}")

    exported = staff.client.get("/api/v1/admin/audit/export", params={"act": "role"})
    rows = list(csv.DictReader(io.StringIO(exported.text)))
    assert [row["act"] for row in rows][:2] == ["role.changed", "role.created"]
    assert {row["object_label"] for row in rows if row["object_id"] == "packer"} == {"'=Packer"}

    async def export_is_told() -> bool:
        return bool(staff.get("/audit", act="audit.exported")["items"])

    await eventually(export_is_told)


def test_whoever_lacks_the_rights_of_a_role_cannot_change_it_by_the_form(
    staff: Staff, visitors: dict[str, Visitor]
) -> None:
    body = {"code": "people", "name": "People", "permissions": ["read_staff", "write_staff"]}
    staff.post("/roles", body)
    staff.post("/users", {"email": "hr@example.com", "password": PASSWORD, "name": "HR", "roles": ["people"]})
    hr = Visitor(visitors["guest"].shop, "hr").sign_in("hr@example.com")
    before = staff.get("/roles/support")
    refused = post(
        hr, "/admin/roles/support", {"name": "Support", "permissions": ["read_staff"], "version": 1}
    )
    assert refused.status_code == 403 and "rights that you do not have" in refused.text
    assert staff.get("/roles/support") == before
