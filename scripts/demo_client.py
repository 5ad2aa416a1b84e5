"""The demo's people as HTTP clients: they retry until they are answered, with the same key.

The journal is theirs: a line for each request before it is sent and one for each answer, in a file
that none of the installation's processes touches.
"""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from ledger.errors import Rejected, Unavailable

Json = dict[str, Any]
PATIENCE_S = 120.0
POLL_S = 0.05
AWAY = frozenset({502, 503, 504})


class Client:
    """One caller with one API key.

    journal: a file to append to, None to keep none. alive: raises when waiting is in vain.
    """

    def __init__(
        self, base: str, key: str, journal: Path | None, alive: Callable[[], None]
    ) -> None:
        self.alive = alive
        self._http = httpx2.Client(
            base_url=base, timeout=30.0, trust_env=False, verify=_authorities(base)
        )
        self._http.headers["Authorization"] = f"Bearer {key}"
        self._journal = journal.open("a", encoding="ascii") if journal else None
        self._lock = threading.Lock()

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Ask for something; raises as `post`."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, body: Json, key: str) -> Json:
        """Do something once, however often it must be asked.

        Raises Rejected with the server's code, Unavailable NO_ANSWER after two minutes.
        """
        self._note("SENT", key, {"path": path})
        answer: Json = self._ask("POST", path, body, {"Idempotency-Key": key}).json()
        kept: Json = {n: answer[n] for n in ("submission", "receipt", "id") if n in answer}
        self._note("ACK", key, {"path": path, **kept})
        return answer

    def settled(self, *submissions: int) -> None:
        """Wait until the chain has taken submissions. Raises Rejected by the contract's name."""
        end = time.monotonic() + PATIENCE_S
        for number in submissions:
            while (state := self.get(f"/v1/submissions/{number}").json())["state"] != "CONFIRMED":
                if state["state"] in ("REJECTED", "NEEDS_SIGNATURE"):
                    raise Rejected(state["error"], state["detail"])
                self.alive()
                if time.monotonic() > end:
                    raise Unavailable(
                        "NO_ANSWER", f"Submission {number} is still {state['state']}."
                    )
                time.sleep(POLL_S)

    def verdict(self, path: str) -> Json:
        """What a consumer is told of a code; a bad link is an answer, too."""
        told: Json = self._answer("GET", path, None, {"Accept": "application/json"}).json()
        return told

    def close(self) -> None:
        """Close connection and journal."""
        self._http.close()
        if self._journal:
            self._journal.close()

    def _ask(self, method: str, path: str, body: Json | None, headers: Json) -> httpx2.Response:
        answer = self._answer(method, path, body, headers)
        if answer.status_code >= 400:
            told = answer.json()
            raise Rejected(told["title"], told["detail"])
        return answer

    def _answer(self, method: str, path: str, body: Json | None, headers: Json) -> httpx2.Response:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self._http.request(method, path, json=body, headers=headers)
                if answer.status_code not in AWAY:
                    return answer
            except httpx2.TransportError:
                pass  # being started again: ask the same once more
            self.alive()
            if time.monotonic() > end:
                raise Unavailable("NO_ANSWER", f"No answer from {path}: see the messages above.")
            time.sleep(0.1)

    def _note(self, word: str, key: str, facts: Json) -> None:
        if self._journal is None:
            return
        with self._lock:
            self._journal.write(f"{word} {key} {json.dumps(facts)}\n")
            self._journal.flush()


def _authorities(url: str) -> ssl.SSLContext | bool:
    """Return whose word on certificates is taken at an address, as httpx2 wants it.

    True: that of the usual authorities. Reading them takes 20 ms, so an address that asks for no
    TLS gets a context that trusts nobody.
    """
    return urlsplit(url).scheme == "https" or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
