"""`touchstone key rotate | backup | restore | wrap`: the keys that codes are made with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.errors import Rejected
from ledger.services.keys import epochs, hsm, key_backup
from ledger.services.keys.sealed_file import replace_file
from ledger.services.open import home_of
from scripts.acting import cannot_write, party
from scripts.common import Data, Json, settings, show, site

app = typer.Typer()


@app.command()
def rotate(
    brand: Annotated[str, typer.Option(help="Whose codes: the brand's GLN or number.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Open a brand's next key epoch: codes ordered from now on are made under new keys.

    Codes that are printed stay valid. Make a new backup before the first of the new ones is.
    """
    number = epochs.rotate(site(data), party(brand))
    show({"brand": brand, "epoch": number}, as_json)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The sealed backup to make.")],
    shares: Annotated[int, typer.Option(help="How many shares, 2 to 16.")] = 5,
    threshold: Annotated[int, typer.Option(help="How many of them open it.")] = 3,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Back up the code keys: a sealed file, and SLIP-39 shares that open it (FILE.share-1 and on).

    Each share is a line of words for another person; keep none beside the file, nor two together.
    """
    home = home_of(settings(data))
    named = [file.with_name(f"{file.name}.share-{n}") for n in range(1, max(shares, 0) + 1)]
    for path in (path for path in named if path.exists()):
        raise Rejected("KEYS_EXIST", f"There is a file {path} already: choose another name.")
    try:
        words = key_backup.backup(home, file, threshold, shares)
        for path, text in zip(named, words, strict=True):
            replace_file(path, text.encode() + b"\n")
    except OSError as error:
        raise cannot_write(file, error.strerror or str(error)) from None
    show(
        {"file": str(file), "threshold": threshold, "shares": [str(path) for path in named]},
        as_json,
    )


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The sealed backup.")],
    share: Annotated[list[Path], typer.Option(help="File with a share; as many as it takes.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Put the code keys of a backup into place, sealed with the passphrase of this directory."""
    texts = [_read(path) for path in share]
    ring = key_backup.restore(home_of(settings(data)), file, texts)
    epochs_held = {str(brand): len(keys.epochs) for brand, keys in ring.parties().items()}
    show({"file": str(file), "epochs": epochs_held}, as_json)


@app.command()
def wrap(
    file: Annotated[Path, typer.Argument(help="The wrapped passphrase file to make.")],
    token: Annotated[str, typer.Option(help="Label of the PKCS#11 token.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Wrap the passphrase of the code keys by a key that never leaves a PKCS#11 token.

    Then name FILE with TOUCHSTONE_KEYS_PASSPHRASE_FILE, and destroy the passphrase in clear.
    """
    home = home_of(settings(data))
    if home.token is None:
        raise Rejected(
            "BAD_OPTION",
            "Name the token's library with TOUCHSTONE_PKCS11_MODULE and the file of its PIN with "
            "TOUCHSTONE_PKCS11_PIN_FILE.",
        )
    if file.exists():
        raise Rejected("KEYS_EXIST", f"There is a file {file} already: choose another name.")
    text = hsm.wrap(home.token, token, home.keys_passphrase(), home.entropy)
    try:
        replace_file(file, text.encode())
    except OSError as error:
        raise cannot_write(file, error.strerror or str(error)) from None
    show({"file": str(file), "token": token}, as_json)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Rejected("BAD_SHARE", f"The share {path} cannot be read ({error}).") from None
