"""Code keys backed up as a sealed file and SLIP-39 shares of what opens it.

The file is of no use without a threshold of shares, nor the shares without the file; fewer shares
than the threshold say nothing (SLIP-0039: Shamir's scheme over GF(256)). A backup holds the keys of
its day: make a new one after every new key epoch, and store it before codes are printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.share import Share

from ledger.errors import Broken, Rejected
from ledger.services.home import Home
from ledger.services.keys.keyring import KeyRing
from ledger.services.keys.sealed_file import new_seal, read_sealed, write_sealed

MAX_SHARES = 16  # SLIP-0039
_SECRET_BYTES = 32


def backup(home: Home, file: Path, threshold: int, count: int) -> list[str]:
    """Write the code keys sealed to `file`; return `count` shares, `threshold` of which open it.

    The shares are tried on the file before they are returned. Raises Rejected BAD_SHARES and
    KEYS_EXIST (there is such a file), and what opening the key file raises.
    """
    if not 2 <= threshold <= count <= MAX_SHARES:
        raise Rejected(
            "BAD_SHARES", f"Take 2 to {MAX_SHARES} shares, and a threshold of 2 up to all of them."
        )
    if file.exists():
        raise Rejected("KEYS_EXIST", f"There is a file {file} already: choose another name.")
    _, content = read_sealed(home.code_keys, home.keys_passphrase())
    secret = home.entropy(_SECRET_BYTES)
    write_sealed(file, new_seal(secret.hex(), home.entropy), content, home.entropy)
    (shares,) = generate_mnemonics(1, [(threshold, count)], secret)
    if open_backup(file, shares[-threshold:]) != content:
        raise Broken("KEYS_DAMAGED", f"The backup {file} does not open again: do not rely on it.")
    return list(shares)


def restore(home: Home, file: Path, shares: Sequence[str]) -> KeyRing:
    """Put the code keys of a backup into place, under the passphrase of now; return them.

    Raises Rejected KEYS_EXIST (an existing key file is never replaced) and as `open_backup`.
    """
    if home.code_keys.exists():
        raise Rejected(
            "KEYS_EXIST",
            f"There is a key file {home.code_keys} already: move it away if it is the backup that "
            "is right.",
        )
    content = open_backup(file, shares)
    passphrase = home.keys_passphrase()
    write_sealed(home.code_keys, new_seal(passphrase, home.entropy), content, home.entropy)
    return home.keys()


def open_backup(file: Path, shares: Sequence[str]) -> bytes:
    """Return what a backup holds.

    Raises Rejected BAD_SHARE (it names which), SHARES_DO_NOT_FIT, KEYS_MISSING, Broken
    KEYS_DAMAGED.
    """
    for number, text in enumerate(shares, 1):
        try:
            Share.from_mnemonic(text)
        except MnemonicError as error:
            raise Rejected(
                "BAD_SHARE", f"Share {number} of those given is misread ({error}): compare it."
            ) from None
    try:
        secret = combine_mnemonics(shares)
    except MnemonicError as error:
        raise Rejected(
            "SHARES_DO_NOT_FIT", f"These shares do not give the secret: {error}"
        ) from None
    try:
        return read_sealed(file, secret.hex())[1]
    except Rejected as error:
        if error.code != "WRONG_PASSPHRASE":
            raise
        raise Rejected(
            "SHARES_DO_NOT_FIT", f"These shares belong to another backup than {file}."
        ) from None
