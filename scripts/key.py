"""`touchstone key`: key files of parties that sign for themselves."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from ledger.errors import Rejected
from ledger.services.keys.sealed_file import replace_file
from ledger.services.keys.vault import OWN, Vault
from scripts import api_key, code_keys
from scripts.acting import cannot_write
from scripts.common import Json, show

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.add_typer(api_key.app, name="api")
app.add_typer(code_keys.app)


@app.callback()
def key() -> None:
    """Keys of parties that sign for themselves, of codes, and of API callers."""


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="The sealed key file to make.")],
    as_json: Json = False,
) -> None:
    """Make a party's own key, sealed; its passphrase goes beside it (NAME.pass). Print the address.

    Both files have mode 0600. Back both up, in two places: without them the party cannot sign.
    """
    beside = file.with_suffix(".pass")
    if beside == file:
        raise Rejected("BAD_OPTION", f"{file} is the name of a passphrase file: take FILE.key.")
    for path in (file, beside):
        if path.exists():
            raise Rejected("KEYS_EXIST", f"There is a file {path} already: choose another name.")
    passphrase = secrets.token_hex(24)
    try:
        replace_file(beside, passphrase.encode() + b"\n")
        # If we die here a passphrase lies there that opens nothing: remove it.
        address = Vault.create(file, passphrase, secrets.token_bytes).ensure(OWN).address
    except OSError as error:
        raise cannot_write(file, error.strerror or str(error)) from None
    result = {"address": "0x" + address.hex(), "file": str(file), "passphrase": str(beside)}
    show(result, as_json)
