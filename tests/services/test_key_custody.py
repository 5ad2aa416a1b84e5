"""Code keys in other hands: shares that open a backup, a token that wraps the passphrase."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import pytest

from ledger.errors import Broken, Rejected, TouchstoneError
from ledger.services.home import Home
from ledger.services.keys import hsm, key_backup
from ledger.services.keys.keeper import BatchRef, CodeKeeper
from ledger.services.minter import Minter
from tests.support.installation import command, refused

BRAND, CONTRACT = 9506000134352, bytes(20)
BATCH = BatchRef(BRAND, 0, BRAND, number=1, count=10)
SOFTHSM = next(
    (
        path
        for path in (
            Path("/usr/lib/softhsm/libsofthsm2.so"),
            Path("/usr/local/lib/softhsm/libsofthsm2.so"),
        )
        if path.exists()
    ),
    None,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "data")
    home.prepare()
    home.keys().open_epoch(BRAND, 1, CONTRACT)
    return home


def serials(home: Home) -> list[bytes]:
    made: list[bytes] = Minter(home.keys(), 1, CONTRACT).serials(BATCH, 0, 10).tolist()
    return made


def code_of(error: pytest.ExceptionInfo[TouchstoneError]) -> str:
    return error.value.code


def test_any_threshold_of_shares_restores_the_keys(home: Home, tmp_path: Path) -> None:
    """Lost with the machine, the keys come back under another passphrase and decode all codes."""
    before, backup = serials(home), tmp_path / "backup"
    shares = key_backup.backup(home, backup, threshold=2, count=3)
    for number, pair in enumerate(combinations(shares, 2)):
        other = Home(tmp_path / f"other{number}")
        other.prepare()
        other.code_keys.unlink()
        key_backup.restore(other, backup, pair[::-1])
        assert serials(other) == before
        found = CodeKeeper(other.keys()).decode(BRAND, before[3].decode())
        assert found is not None
        assert found.index == 3


def test_shares_that_do_not_fit_open_nothing(home: Home, tmp_path: Path) -> None:
    """Too few, misread, of another backup, mixed, twice the same: each is said, none opens."""
    one, other = tmp_path / "one", tmp_path / "other"
    first = key_backup.backup(home, one, threshold=3, count=3)
    second = key_backup.backup(home, other, threshold=3, count=3)
    words = first[1].split()
    words[7] = "academic" if words[7] != "academic" else "zero"
    misread = " ".join(words)
    for shares, code in (
        (first[:2], "SHARES_DO_NOT_FIT"),
        ([first[0], misread, first[2]], "BAD_SHARE"),
        ([first[0], "not a share", first[2]], "BAD_SHARE"),
        (second, "SHARES_DO_NOT_FIT"),
        ([*first[:2], second[2]], "SHARES_DO_NOT_FIT"),
        ([first[0], first[0], first[1]], "SHARES_DO_NOT_FIT"),
        ([], "SHARES_DO_NOT_FIT"),
    ):
        with pytest.raises(Rejected) as refusal:
            key_backup.open_backup(one, shares)
        assert code_of(refusal) == code
    with pytest.raises(Rejected, match="Share 2 of those given"):
        key_backup.open_backup(one, [first[0], misread, first[2]])


def test_a_backup_cut_short_is_damaged(home: Home, tmp_path: Path) -> None:
    """With all shares, and nothing is put into place."""
    backup = tmp_path / "backup"
    shares = key_backup.backup(home, backup, threshold=2, count=2)
    backup.write_bytes(backup.read_bytes()[:-40])
    home.code_keys.rename(tmp_path / "away")
    with pytest.raises(Broken) as fault:
        key_backup.restore(home, backup, shares)
    assert code_of(fault) == "KEYS_DAMAGED"
    assert not home.code_keys.exists()


def test_no_file_is_replaced(home: Home, tmp_path: Path) -> None:
    """Neither a backup by another, nor the key file by a backup; thresholds are looked at first."""
    backup = tmp_path / "backup"
    shares = key_backup.backup(home, backup, threshold=2, count=3)
    for call in (
        lambda: key_backup.backup(home, backup, 2, 3),
        lambda: key_backup.restore(home, backup, shares),
    ):
        with pytest.raises(Rejected) as refusal:
            call()
        assert code_of(refusal) == "KEYS_EXIST"
    for threshold, count in ((1, 3), (4, 3), (2, 17)):
        with pytest.raises(Rejected) as refusal:
            key_backup.backup(home, tmp_path / "more", threshold, count)
        assert code_of(refusal) == "BAD_SHARES"
    assert not (tmp_path / "more").exists()


def test_the_commands_write_and_take_shares(home: Home, tmp_path: Path) -> None:
    """A file for each share, of mode 0600; two of three bring the keys back."""
    data, backup, before = ("--data", str(home.path)), tmp_path / "b", serials(home)
    words = ("key", "backup", str(backup), "--shares", "3", "--threshold", "2", *data, "--json")
    assert command(*words).status == 0
    named = [tmp_path / f"b.share-{n}" for n in (1, 2, 3)]
    assert [path.stat().st_mode & 0o777 for path in named] == [0o600] * 3
    assert refused(*words) == "KEYS_EXIST"
    back = ("key", "restore", str(backup), "--share", str(named[2]), "--share", str(named[0]))
    assert refused(*back, *data) == "KEYS_EXIST"
    home.code_keys.unlink()
    assert refused(*back[:-2], *data) == "SHARES_DO_NOT_FIT"
    assert refused(*back[:-1], str(tmp_path / "none"), *data) == "BAD_SHARE"
    done = command(*back, *data, "--json")
    assert (done.status, f'"{BRAND}": 1' in done.out) == (0, True)
    assert serials(home) == before


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hsm.TokenAccess]:
    """A fresh SoftHSM token labelled 'codes', and the file of its PIN; a process can have one."""
    if SOFTHSM is None or shutil.which("softhsm2-util") is None:
        if os.environ.get("CI"):
            pytest.fail("SoftHSM is missing: apt-get install softhsm2")
        pytest.skip("SoftHSM is not installed: apt-get install softhsm2")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    pin = secrets.token_hex(4)
    label = ("--label", "codes", "--pin", pin, "--so-pin", secrets.token_hex(4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(config))
        subprocess.run(["softhsm2-util", "--init-token", "--free", *label], check=True)
        (folder / "pin").write_text(pin + "\n")
        yield hsm.TokenAccess(SOFTHSM, folder / "pin")


def test_a_token_wraps_the_passphrase(
    home: Home, tmp_path: Path, token: hsm.TokenAccess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the wrapped file in the passphrase's place, codes are made as before; without the
    token's library and PIN they are not, and a wrong PIN, label or altered file is said."""
    before, wrapped = serials(home), tmp_path / "wrapped"
    data = ("--data", str(home.path))
    words = ("key", "wrap", str(wrapped), "--token", "codes", *data)
    assert refused(*words) == "BAD_OPTION"
    monkeypatch.setenv("TOUCHSTONE_PKCS11_MODULE", str(token.module))
    monkeypatch.setenv("TOUCHSTONE_PKCS11_PIN_FILE", str(token.pin_file))
    assert refused(*words[:4], "other", *data) == "TOKEN_REFUSED"
    assert command(*words).status == 0
    assert home.passphrase() not in wrapped.read_text()
    assert refused(*words) == "KEYS_EXIST"

    (home.path / "passphrase").rename(tmp_path / "gone")
    without = Home(home.path, keys_passphrase_file=wrapped)
    with pytest.raises(Rejected) as refusal:
        without.keys()
    assert code_of(refusal) == "NO_PKCS11"
    assert serials(Home(home.path, keys_passphrase_file=wrapped, token=token)) == before

    text = wrapped.read_text()
    for altered in (text.replace('"nonce": "', '"nonce": "00'), text.replace("1", "2"), "{"):
        with pytest.raises(TouchstoneError) as fault:
            hsm.unwrap(token, altered)
        assert code_of(fault) in ("KEYS_DAMAGED", "TOKEN_REFUSED")
    wrong = replace(token, pin_file=tmp_path / "pin")
    for code in ("PASSPHRASE_MISSING", "TOKEN_REFUSED"):
        with pytest.raises(Rejected) as refusal:
            hsm.unwrap(wrong, text)
        assert code_of(refusal) == code
        wrong.pin_file.write_text("no pin")


def test_the_key_stays_in_the_token(token: hsm.TokenAccess) -> None:
    """It cannot be read out, and wrapping again uses the same one."""
    import pkcs11

    one, other = (hsm.wrap(token, "codes", "secret", secrets.token_bytes) for _ in range(2))
    assert one != other
    assert hsm.unwrap(token, one) == hsm.unwrap(token, other) == "secret"
    found = pkcs11.lib(str(token.module)).get_token(token_label="codes")
    with found.open(user_pin=token.pin_file.read_text().strip()) as session:
        key = session.get_key(label=hsm.KEY_LABEL)
        with pytest.raises(pkcs11.AttributeSensitive):
            key[pkcs11.Attribute.VALUE]
