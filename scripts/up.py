"""`touchstone up`: node, API and worker of one data directory, in one command."""

from __future__ import annotations

import ipaddress
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ledger.errors import Rejected, TouchstoneError
from ledger.services import api_keys, trusting
from ledger.services.home import Home
from ledger.services.keys.keeper_socket import listens
from ledger.services.open import found, home_of, open_installation
from ledger.services.settings import Settings
from ledger.services.site import Site
from scripts.api import bind
from scripts.common import Data, settings
from scripts.crew import Crew

app = typer.Typer(add_completion=False)
DEFAULT_PORT = 8000
MAX_AGE_S = 300
DAY_S = 86_400
MACHINE_ID = Path("/etc/machine-id")


@app.command()
def up(
    data: Data = None,
    port: Annotated[int, typer.Option(help="Port of the pages and the API.")] = DEFAULT_PORT,
    lan: Annotated[bool, typer.Option(help="Also for phones on this network.")] = False,
    moved: Annotated[
        bool, typer.Option(help="The directory was moved here, and runs nowhere else.")
    ] = False,
) -> None:
    """Start everything and keep it running until Ctrl-C."""
    chosen = settings(data)
    base = link_base(chosen, port, lan)
    chosen = chosen.model_copy(update={"link_base": base})
    refuse_generated_secrets(chosen)
    crew = Crew(chosen.data.resolve(), {"TOUCHSTONE_LINK_BASE": base})
    try:
        site = start(crew, chosen, port, lan, moved)
        print(f"{base} is served from {chosen.data}. Ctrl-C stops it.", flush=True)
        tend(crew, partial(renew_trust, chosen, site))
    finally:
        crew.close()


def start(
    crew: Crew,
    chosen: Settings,
    port: int,
    lan: bool,
    moved: bool = False,
    max_age_s: int = MAX_AGE_S,
) -> Site:
    """Bring an installation up: node, ledger, first keys, trust file, API and worker.

    max_age_s: as in `renew_trust`. Raises Rejected PORT_BUSY before anything is started, and what
    each part raises.
    """
    bind("0.0.0.0" if lan else "127.0.0.1", port).close()  # noqa: S104 (asked for by --lan)
    home = home_of(chosen)
    refuse_moved(home, moved)
    home.serve(chosen.link_base, chosen.hosts)
    if chosen.rpc_url is None:
        crew.start_node(chosen.clock)
    generated = found(chosen)
    site = open_installation(chosen)
    new_key = api_keys.ensure_admin(site)
    if generated or new_key:
        sys.stderr.write(
            f"touchstone: a passphrase and an admin key were generated in {home.path} "
            "(mode 0600): keep them safe.\n"
        )
    renew_trust(chosen, site, max_age_s)
    if chosen.keeper_socket is not None:
        crew.start("keeper")
        path = chosen.keeper_socket
        crew.until(lambda: listens(path), "KEEPER_DOWN", "the code keeper did not start")
    crew.start("worker")
    crew.start("api", "--port", str(port), "--host", "0.0.0.0" if lan else "127.0.0.1")  # noqa: S104 (asked for by --lan)
    crew.until(lambda: _answers(port), "API_DOWN", "the API did not start")
    return site


def renew_trust(chosen: Settings, site: Site, max_age_s: int = MAX_AGE_S) -> None:
    """Make the trust file of an embedded node's ledger: there is none, or a month is left of it.

    max_age_s: age of a block up to which a proof counts as fresh. Raises as `trusting.make`.
    """
    if chosen.rpc_url is None and trusting.is_due(site.home, site.clock()):
        trusting.make(site.home, site.clock(), max_age_s)


def tend(crew: Crew, daily: Callable[[], None]) -> None:
    """Keep the children running until SIGINT or SIGTERM. daily: what is to be looked at each day;
    where it fails, that is said, and it is tried again the next day."""
    stopping: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: stopping.append(received))
    look_after = time.monotonic() + DAY_S
    while not stopping:
        crew.tend()
        if time.monotonic() >= look_after:
            try:
                daily()
            except (TouchstoneError, OSError) as error:
                sys.stderr.write(f"touchstone: the trust file is not renewed: {error}\n")
            look_after = time.monotonic() + DAY_S
        time.sleep(0.2)


def link_base(chosen: Settings, port: int, lan: bool) -> str:
    """Return what printed links begin with: the setting, else this machine."""
    if "link_base" in chosen.model_fields_set:
        return chosen.link_base
    return f"http://{_own_address() if lan else 'localhost'}:{port}"


def refuse_generated_secrets(chosen: Settings) -> None:
    """Refuse a public host with secrets that lie beside the data they seal.

    Raises Rejected GENERATED_SECRETS.
    """
    host = urlsplit(chosen.link_base).hostname or ""
    if chosen.passphrase_file is None and not _is_local(host):
        raise Rejected(
            "GENERATED_SECRETS",
            f"Links to {host} are for production: put a passphrase into a file of your own and "
            "name it with TOUCHSTONE_PASSPHRASE_FILE.",
        )


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _own_address() -> str:
    """This machine's address on its network; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: only asks the routing table
            address: str = probe.getsockname()[0]
            return address
        except OSError:
            return "127.0.0.1"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def refuse_moved(home: Home, moved: bool) -> None:
    """A copied ledger would make the same serials twice: it must be said that it was moved.

    Raises Rejected DATA_MOVED.
    """
    seen = home.path / "machine"
    known = seen.read_text() if seen.exists() else None
    seen.touch()
    here = _machine() or f"file {seen.stat().st_ino}"  # which a copy of the directory has anew
    if known not in (None, here) and not moved:
        raise Rejected(
            "DATA_MOVED",
            f"{home.path} was last used on another machine, or is a copy: if it runs nowhere else, "
            "start it once with --moved.",
        )
    seen.write_text(here)


def _machine() -> str:
    """The machine's own name for itself, '' where it has none (macOS, most containers).

    A host's name would not do: it changes with the network, and with each container.
    """
    known = MACHINE_ID.read_text().strip() if MACHINE_ID.exists() else ""
    return "" if known == "uninitialized" else known
