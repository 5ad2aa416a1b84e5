"""`touchstone demo`: the whole job in a simulated world of eight weeks that end now."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import Progress

from ledger.errors import Broken, Rejected
from ledger.services.keys.sealed_file import replace_file
from ledger.services.settings import Settings
from ledger.services.worlds.world import World, demo_world
from ledger.services.worlds.world_plan import SPAN
from scripts.crew import Crew
from scripts.demo_client import Client
from scripts.demo_outcome import outcome
from scripts.demo_play import SPARE, Play, load
from scripts.up import DEFAULT_PORT, link_base, start, tend

app = typer.Typer(add_completion=False)
Json = dict[str, Any]
MAX_AGE_S = 86_400  # of the demo's trust file: it is looked at long after its last block
PLAYED_HEARTBEAT_S = 12 * 3600


@app.command()
def demo(
    data: Annotated[Path, typer.Option(help="Directory of the demo.")] = Path(".touchstone/demo"),
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End when it is played.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Which world.")] = 1,
    honest: Annotated[
        bool, typer.Option("--honest", help="A world in which nobody cheats.")
    ] = False,
    scale: Annotated[float, typer.Option(min=0.05, max=1.0, help="Size of the world.")] = 1.0,
    port: Annotated[int, typer.Option(help="Port of pages and API.")] = DEFAULT_PORT,
    lan: Annotated[bool, typer.Option("--lan", help="Also for phones on this network.")] = False,
    journal: Annotated[
        Path | None, typer.Option(help="Write every request and answer to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Play the main job for real, show what came of it, then serve it."""
    began = time.monotonic()
    data = data.resolve()
    facts = _facts(data, {"seed": seed, "honest": honest, "scale": scale})
    base = link_base(Settings(), port, lan)
    world = demo_world(seed, honest, scale)
    finished, kept = data / "finished", data / "result.json"
    if not finished.exists():
        with _running(data, f"file:{data / 'clock'}", base, port, lan) as crew:
            _play(data, world, facts["end"], base, journal, crew)
        # If we die before this line the play goes on where it was; after it, time is the wall's.
        replace_file(finished, b"")
    if kept.exists() and no_serve:
        _print(json.loads(kept.read_text()), as_json)
        return
    host = _host(data)
    with _running(data, "wall", base, port, lan, host) as crew:
        if not kept.exists():
            result = _look(data, world, facts["end"], base, journal, crew)
            result["seconds"] = round(time.monotonic() - began, 1)
            replace_file(kept, json.dumps(result, ensure_ascii=False).encode())
        result = json.loads(kept.read_text())
        _print(result, as_json)
        if not no_serve:
            print(_links(result, base), flush=True)
            tend(crew, lambda: None)  # the trust file outlasts any look at a demo


def _facts(data: Path, asked: Json) -> Json:
    """What world is in the directory; its end is fixed when it is first played."""
    path = data / "demo.json"
    found = load(path)
    if found is None:
        found = {**asked, "end": int(time.time())}
        replace_file(path, json.dumps(found).encode())
        (data / "clock").write_text(str(found["end"] - 57 * 86_400))
    differs = [name for name, value in asked.items() if found[name] != value]
    if differs:
        raise Rejected(
            "ANOTHER_WORLD",
            f"{data} holds a demo with another {differs[0]} ({found[differs[0]]}): play it with "
            "that, or choose another --data.",
        )
    return found


@contextmanager
def _running(
    data: Path, clock: str, base: str, port: int, lan: bool, host: str = ""
) -> Iterator[Crew]:
    """Bring the installation up, watch over its processes, and end them.

    host: of the links that it printed when it was played, perhaps on another port.
    """
    playing = clock != "wall"
    settings = Settings(
        data=data,
        clock=clock,
        link_base=base,
        hosts=frozenset([host] if host else []),
        # While it is played the clock leaps, and by that no ledger is behind.
        behind_s=round(SPAN) if playing else MAX_AGE_S,
        heartbeat_s=PLAYED_HEARTBEAT_S if playing else 60,
    )
    environment = {
        "TOUCHSTONE_CLOCK": clock,
        "TOUCHSTONE_LINK_BASE": base,
        "TOUCHSTONE_BEHIND_S": str(settings.behind_s),
        "TOUCHSTONE_HEARTBEAT_S": str(settings.heartbeat_s),
        "TOUCHSTONE_HOSTS": json.dumps(sorted(settings.hosts)),
    }
    crew = Crew(data, environment)
    try:
        start(crew, settings, port, lan, max_age_s=MAX_AGE_S)
        yield crew
    finally:
        crew.close()


def _play(data: Path, world: World, end: int, base: str, journal: Path | None, crew: Crew) -> None:
    with (
        _client(data, base, journal, crew) as client,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        play = Play(world, data, client, base, end)
        bar = progress.add_task("eight weeks", total=None)
        play.run(lambda done, of: progress.update(bar, completed=done, total=of))
        links = [
            play.link(lot.number, item) for lot in world.lots for item in range(lot.items + SPARE)
        ]
        replace_file(data / "links.txt", "".join(f"{link}\n" for link in links).encode())


def _look(data: Path, world: World, end: int, base: str, journal: Path | None, crew: Crew) -> Json:
    with _client(data, base, journal, crew) as client:
        return outcome(data, Play(world, data, client, base, end), client)


@contextmanager
def _client(data: Path, base: str, journal: Path | None, crew: Crew) -> Iterator[Client]:
    with _tended(crew) as alive:
        client = Client(base, (data / "admin.key").read_text().strip(), journal, alive)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def _tended(crew: Crew) -> Iterator[Callable[[], None]]:
    """Watch over the children beside the play; yields a check that raises what stopped them."""
    failures: list[BaseException] = []
    ended = threading.Event()

    def watch() -> None:
        try:
            while not ended.wait(0.1):
                crew.tend()
        except Broken as error:
            failures.append(error)

    def alive() -> None:
        if failures:
            raise failures[0]

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield alive
    finally:
        ended.set()
        thread.join()


def _print(result: Json, as_json: bool) -> None:
    print(json.dumps(result, ensure_ascii=False) if as_json else _told(result), flush=True)


def _told(result: Json) -> str:
    lines = [
        f"{result['codes_minted']:,} codes in {result['batches_on_chain']} batches on chain, "
        f"{result['handoffs_confirmed']} handoffs confirmed, {result['scans']:,} scans.",
        *(
            f"  {label.replace('_', ' '):<14} {told['outcome']}: {', '.join(told['reasons'])}"
            for label, told in result["verdicts"].items()
        ),
        f"Proof {result['proof']['path']}: {result['proof']['said']}",
        *(f"ALERT {alert['kind']}: {alert['sentence']}" for alert in result["alerts"]),
    ]
    return "\n".join(lines if result["alerts"] else [*lines, "No alert."])


def _host(data: Path) -> str:
    """The host that the links were printed with, perhaps on another port."""
    with (data / "links.txt").open() as links:
        return urlsplit(links.readline().strip()).netloc


def _links(result: Json, base: str) -> str:
    lines = [
        f"  {label.replace('_', ' '):<14} {base}{urlsplit(told['link']).path}"
        for label, told in result["verdicts"].items()
    ]
    return "\n".join([f"Open {base} or one of these (Ctrl-C stops):", *lines])
