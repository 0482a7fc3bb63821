"""Roles: which there are, who holds them, and the matrix of what each may do."""

from typing import Any

import msgspec
from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, text, texts, whole
from mercato.admin.rights import choices_of
from mercato.contracts.users import Role, Users
from mercato.contracts.users.roles import RoleCode, RoleDraft
from mercato.kernel.context import ALL_PERMISSIONS, Context
from mercato.kernel.errors import FieldError, Invalid, MercatoError, NotFound

PATH = "/admin/roles"
STAFF_PATH = "/admin/staff"
OWNER = "owner"


@get(PATH, permission="read_staff")
async def list_roles(desk: Desk, users: Users) -> Response[str]:
    """Every role, with how many hold it."""
    return await desk.page(
        "admin/roles.html",
        STAFF_PATH,
        {
            "roles": await users.roles(desk.ctx),
            "may_write": desk.ctx.principal.may("write_staff"),
        },
    )


@get(PATH + "/new", permission="write_staff")
async def new_role(desk: Desk, users: Users) -> Response[str]:
    """The empty matrix."""
    return await _form(desk, None, RoleDraft(name=""))


@post(PATH, permission="write_staff", recent=True)
async def create_role(desk: Desk, users: Users, data: FormData) -> Response[str]:
    code = text(data, "code")[:40]
    try:
        draft = _draft(data)
        msgspec.convert(code, RoleCode)
        await users.create_role(desk.ctx, code=code, draft=draft)
    except msgspec.ValidationError:
        wrong = FieldError("code", "invalid", "Use small letters, digits and _, beginning with a letter.")
        refused = Invalid(detail="Some fields need another look.", errors=[wrong])
        return await _form(desk, None, _shown(data), code=code, error=refused)
    except MercatoError as error:
        return await _form(desk, None, _shown(data), code=code, error=error)
    return desk.done(PATH, "role_created")


@get(PATH + "/{code:str}", permission="read_staff")
async def show_role(desk: Desk, users: Users, code: str) -> Response[str]:
    """The matrix of one role."""
    role = await _role(desk.ctx, users, code)
    return await _form(desk, role, _draft_of(role))


@post(PATH + "/{code:str}", permission="write_staff", recent=True)
async def save_role(desk: Desk, users: Users, code: str, data: FormData) -> Response[str]:
    """Change the role for everybody who holds it, from their next request."""
    role = await _role(desk.ctx, users, code)
    try:
        draft = _draft(data)
        if code == OWNER:  # its matrix is fixed and was not in the form
            draft = msgspec.structs.replace(_draft_of(role), requires_mfa=draft.requires_mfa)
        version = whole(data, "version", least=1) or 1
        await users.update_role(desk.ctx, code=code, draft=draft, version=version)
    except MercatoError as error:
        return await _form(desk, role, _shown(data), error=error)
    return desk.done(f"{PATH}/{code}", "saved")


@post(PATH + "/{code:str}/delete", permission="write_staff", recent=True)
async def delete_role(desk: Desk, users: Users, code: str, data: FormData) -> Response[str]:
    role = await _role(desk.ctx, users, code)
    try:
        await users.delete_role(desk.ctx, code=code, version=whole(data, "version", least=1) or 1)
    except MercatoError as error:
        return await _form(desk, role, _draft_of(role), error=error)
    return desk.done(PATH, "role_deleted")


async def _role(ctx: Context, users: Users, code: str) -> Role:
    """The role of an address. Raises NotFound, also for what cannot be a code."""
    try:
        msgspec.convert(code, RoleCode)
    except msgspec.ValidationError:
        raise NotFound("role_not_found", "There is no such role.") from None
    return await users.role(ctx, code=code)


async def _form(
    desk: Desk, role: Role | None, draft: RoleDraft, *, code: str = "", error: MercatoError | None = None
) -> Response[str]:
    return await desk.page(
        "admin/role.html",
        STAFF_PATH,
        {
            "role": role,
            "code": role.code if role else code,
            "draft": draft,
            "channels": ", ".join(draft.channels or []),
            "choices": choices_of(draft.permissions, desk.ctx.principal),
            "has_all": ALL_PERMISSIONS in draft.permissions,
            "grants_all": desk.ctx.principal.may(ALL_PERMISSIONS),
            "is_fixed": role is not None and role.code == OWNER,
            "may_write": desk.ctx.principal.may("write_staff"),
        },
        error=error,
    )


def _draft(data: dict[str, Any]) -> RoleDraft:
    """What was chosen. Raises Invalid for channels that cannot be any."""
    channels = [part.strip() for part in text(data, "channels").split(",") if part.strip()]
    values = msgspec.to_builtins(_shown(data)) | {"channels": channels or None}
    try:
        return msgspec.convert(values, RoleDraft)
    except msgspec.ValidationError:
        wrong = FieldError("channels", "invalid", "Write the codes of channels, like eu, us.")
        named = FieldError("name", "required", "Give the role a name.")
        raise Invalid(
            detail="Some fields need another look.", errors=[wrong if text(data, "name") else named]
        ) from None


def _shown(data: dict[str, Any]) -> RoleDraft:
    """What was typed, to be shown again."""
    return RoleDraft(
        name=text(data, "name")[:200], description=text(data, "description")[:500],
        permissions=texts(data, "permissions")[:60], requires_mfa=text(data, "requires_mfa") == "1",
    )  # fmt: skip


def _draft_of(role: Role) -> RoleDraft:
    return RoleDraft(**{name: getattr(role, name) for name in RoleDraft.__struct_fields__})


routes = [list_roles, new_role, create_role, show_role, save_role, delete_role]
