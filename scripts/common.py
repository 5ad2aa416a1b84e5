"""What all commands share: their options, opening the installation, and printing results."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from ledger.chain.account import Account
from ledger.errors import Rejected
from ledger.services.keys.vault import OWN, Vault
from ledger.services.open import open_installation
from ledger.services.settings import Settings
from ledger.services.site import Site

if TYPE_CHECKING:
    from rich.progress import Progress

Data = Annotated[Path | None, typer.Option("--data", help="Data directory [.touchstone].")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
KeyFile = Annotated[
    Path | None, typer.Option("--key", help="The party's own key file; else its hosted key.")
]
Idempotency = Annotated[
    str | None, typer.Option("--id", help="Idempotency key: the same one again does nothing twice.")
]


def settings(data: Path | None) -> Settings:
    """Return a command's settings, options before the environment. Raises Rejected BAD_SETTING."""
    try:
        return Settings(data=data) if data is not None else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"TOUCHSTONE_{'_'.join(str(part) for part in first['loc']).upper()}"
        raise Rejected("BAD_SETTING", f"{name} is not possible: {first['msg']}.") from None
    except SettingsError as error:
        raise Rejected("BAD_SETTING", f"A setting cannot be read: {error}.") from None


def site(data: Path | None) -> Site:
    """Open the installation of a data directory; its node must run."""
    return open_installation(settings(data))


def signer(key: Path | None) -> Account | None:
    """Return the key in a party's own key file; its passphrase lies beside it (NAME.pass)."""
    if key is None:
        return None
    try:
        passphrase = key.with_suffix(".pass").read_text("utf-8").strip()
    except OSError:
        raise Rejected(
            "PASSPHRASE_MISSING",
            f"The passphrase of {key} is not in {key.with_suffix('.pass')}: put it there.",
        ) from None
    return Vault(key, passphrase, secrets.token_bytes).account(OWN)


def show(result: Mapping[str, Any], as_json: bool) -> None:
    """Print a result: one JSON object, or a line for each member."""
    if as_json:
        print(json.dumps(result, ensure_ascii=False))
        return
    for name, value in result.items():
        print(f"{name}: {_plain(value)}")


def _plain(value: object) -> str:
    """Return a value as people read it."""
    if isinstance(value, list | tuple):
        return ", ".join(_plain(each) for each in value) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name} {_plain(each)}" for name, each in value.items())
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return str(value)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Show a bar on a terminal, and nothing elsewhere."""
    # Most commands show none, and need not wait for what draws it.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as bar:
        yield bar
