"""Settings: TOUCHSTONE_… in the environment, or options. docs/settings.md lists them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from ledger.domain.promise import WIDEST


class Settings(BaseSettings):
    """Made at the edge (api/ and scripts/) and handed down."""

    model_config = SettingsConfigDict(env_prefix="TOUCHSTONE_")

    data: Path = Field(Path(".touchstone"), description="Data directory.")
    rpc_url: str | None = Field(
        None, description="JSON-RPC of the chain; unset: the embedded node of the data directory."
    )
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL; unset: SQLite in the data directory. PostgreSQL is written for"
        " and not tested yet.",
    )
    link_base: str = Field(
        "http://localhost:8000",
        description="Scheme and host that printed links begin with; unset: as `touchstone up` last "
        "served them.",
    )
    hosts: frozenset[str] = Field(
        frozenset(),
        description="Other hosts whose links are ours, as a JSON list; unset: as last served.",
    )
    passphrase_file: Path | None = Field(
        None, description="File with the passphrase of the keys; unset: one is generated."
    )
    keys_file: Path | None = Field(
        None, description="Sealed file of the code keys; unset: keys.json in the data directory."
    )
    keys_passphrase_file: Path | None = Field(
        None, description="File with the passphrase of the code keys; unset: that of all keys."
    )
    pkcs11_module: Path | None = Field(
        None, description="Library of the PKCS#11 token that has wrapped a passphrase."
    )
    pkcs11_pin_file: Path | None = Field(None, description="File with the PIN of that token.")
    keeper_socket: Path | None = Field(
        None,
        description="Unix socket of a code keeper in a process of its own, which `touchstone up` "
        "starts; unset: codes are decoded where they are asked for.",
    )
    clock: str = Field("wall", description="'wall', or 'file:PATH' for simulated past times.")
    behind_s: int = Field(
        900, ge=1, description="Age in seconds of the newest block at which verdicts stop."
    )
    heartbeat_s: int = Field(60, ge=1, description="Seconds between anchors of the scan log.")
    fdr: float = Field(
        0.05,
        gt=0,
        le=WIDEST,
        description="Stated share of false alerts, where a brand has set none; at most 0.5.",
    )
    private_webhooks: bool = Field(
        False, description="Whether webhooks may be in private networks, and plain http."
    )
