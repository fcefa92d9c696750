"""`tokens`: who may use the server over HTTP."""

import re
import time
from typing import TYPE_CHECKING, Annotated

import typer

from mlgym_mcp.cli.console import moment, show, show_table
from mlgym_mcp.cli.duration import seconds
from mlgym_mcp.cli.options import DataDir
from mlgym_mcp.cli.sessions import as_operator, open_store
from mlgym_mcp.errors import SetupError
from mlgym_mcp.sessions.principal import RESERVED, SCOPES, TO_WORK

if TYPE_CHECKING:  # imported by the commands that need it
    from mlgym_mcp.store import TokenRow

app = typer.Typer(no_args_is_help=True)


@app.command("create")
def create_token(
    principal: Annotated[str, typer.Argument(help="Whose it is: sessions belong to their principal.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it allows: {', '.join(SCOPES)}; may be repeated. Default: {' and '.join(TO_WORK)}."),
    ] = None,
    expires: Annotated[str | None, typer.Option(help="After how long, such as 12h or 30d.", show_default=False)] = None,
    name: Annotated[str, typer.Option(help="What it is for, to tell it from others.", show_default=False)] = "",
    data_dir: DataDir = None,
) -> None:
    """Make a token, and print it: this once, for only its hash is kept."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", principal) or principal in RESERVED:
        raise SetupError(
            f"{principal!r} can't be a principal: up to 64 letters, digits, dots, hyphens and underscores, and not "
            f"{', '.join(sorted(RESERVED))}."
        )
    scopes = tuple(dict.fromkeys(scope or TO_WORK))
    if unknown := [one for one in scopes if one not in SCOPES]:
        raise SetupError(f"there is no scope {unknown[0]!r}; there are: {', '.join(SCOPES)}.")
    now = time.time()
    expires_at = None if expires is None else now + seconds(expires, "--expires")
    with as_operator(data_dir) as store:
        secret, row = store.tokens.add(principal, scopes, name=name, now=now, expires_at=expires_at)
        store.audit.write("token_made", made=row.id, owner=principal, scopes=row.scopes, name=name or None)
    typer.echo(secret)
    typer.echo(
        f"This is token {row.id} of {principal}, to be sent as `Authorization: Bearer …`. It is shown this once.",
        err=True,
    )


@app.command("list")
def list_tokens(data_dir: DataDir = None) -> None:
    """List the tokens that were made, without themselves."""
    with open_store(data_dir) as store:
        rows = store.tokens.list()
    columns = ("token", "principal", "scopes", "name", "made", "expires", "last used", "")
    show_table(columns, [_line(row) for row in rows])


@app.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(help="What its line begins with in `tokens list`.", show_default=False)],
    data_dir: DataDir = None,
) -> None:
    """Let nobody in with a token any more: from the next request on, without a restart."""
    with as_operator(data_dir) as store:
        row = next((row for row in store.tokens.list() if row.id == token), None)
        if row is None:
            raise SetupError(f"there is no token {token!r}; see: mlgym-mcp tokens list")
        store.tokens.revoke(row.id, time.time())
        store.audit.write("token_revoked", revoked=row.id, owner=row.principal)
    show(f"{row.id} of {row.principal}: revoked")


def _line(row: "TokenRow") -> tuple[str, ...]:
    expires = "never" if row.expires_at is None else moment(row.expires_at)
    used = "never" if row.used_at is None else moment(row.used_at)
    return (
        row.id,
        row.principal,
        row.scopes,
        row.name,
        moment(row.created_at),
        expires,
        used,
        row.refusal(time.time()) or "",
    )
