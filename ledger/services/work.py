"""The worker: everything that goes on without being asked. Each step may die and be done again."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing

from ledger.chain.rpc import HttpRpc
from ledger.db.changes import Changes
from ledger.db.lease import Lease
from ledger.errors import Rejected, Unavailable
from ledger.services import mint
from ledger.services.alerting.deliveries import Courier
from ledger.services.alerting.watch import Watcher
from ledger.services.following.follow import Follower
from ledger.services.importing import imports_work
from ledger.services.ordering import orders_work
from ledger.services.resign import sign_again
from ledger.services.sequencer import Sequencer
from ledger.services.site import Site
from ledger.services.submit import Submitter
from ledger.services.trees import Trees

log = logging.getLogger("touchstone.worker")
IDLE_S, AWAY_S, MAX_AWAY_S = 0.05, 0.5, 15.0
QUIET_S = 0.25
MERGE_EVERY_S = 1.0
REFUSED_S = 10.0  # after which a refused anchor is tried again


class Worker:
    """Follows the chain, submits the outbox, advances mints; and all else, if it leads.

    Of several on one database one leads: it alone signs again, takes orders and imports further,
    merges scans and watches, and one delivers. When it ends another does.
    """

    def __init__(self, site: Site, heartbeat_s: int, fdr: float) -> None:
        self._site = site
        self._heartbeat_s = heartbeat_s
        self._watcher = Watcher(site, fdr)
        self._lead = Lease(site.engine, "worker")
        self._follower = Follower(site.engine, site.rpc, site.network)
        rpc = HttpRpc(site.rpc.url)
        self._submitter = Submitter(site.engine, rpc, site.network, site.relay)
        self._trees = Trees()
        self._sequencer = Sequencer(site)
        self._merge_after = self._anchor_after = 0.0
        self._no_anchor = ""  # why the last one was refused
        self._watch_after = 0.0
        self._quiet_until = 0.0

    def step(self) -> int:
        """Do what there is to do now; return how much that was."""
        return self._follow() + self._answer() + self._go_on()

    def glance(self, changes: Changes) -> int:
        """As `step`, but look no further than it must: asked twenty times a second.

        changes: of the site's database. Nobody has written: then only time or others' blocks can
        bring something to do, and both are looked for four times a second.
        """
        written, quiet = changes.came(), time.monotonic() < self._quiet_until
        if quiet and not written:
            return 0
        moved = self._follow() + self._answer()
        if moved or not quiet:
            went_on = self._go_on()
            self._quiet_until = 0.0 if went_on else time.monotonic() + QUIET_S
            moved += went_on
        return moved

    def _follow(self) -> int:
        return self._follower.catch_up(self._site.clock())

    def _answer(self) -> int:
        """What somebody waits for."""
        moved = self._submitter.step(self._site.clock()) + mint.advance(self._site, self._trees)
        return moved + sign_again(self._site) if self._lead.is_held() else moved

    def _go_on(self) -> int:
        if not self._lead.is_held():
            return 0
        moved = orders_work.advance(self._site) + imports_work.advance(self._site)
        return moved + self._log_scans() + self._watch()

    def close(self) -> None:
        """Lead no longer."""
        self._lead.close()

    def run(self, stop: Callable[[], bool]) -> None:
        """Work until told to stop. An unreachable chain is waited for; anything Broken ends it.

        Webhooks are others' computers: nothing here waits for them. But what ends their deliveries
        ends it too, as half a worker would be taken for a whole one.
        """
        ended, delivered = threading.Event(), Future[None]()
        threading.Thread(target=self._deliver, args=(ended, delivered), daemon=True).start()
        try:
            self._run(lambda: stop() or delivered.done())
        finally:
            ended.set()
        if delivered.done():
            delivered.result()

    def _run(self, stop: Callable[[], bool]) -> None:
        away = AWAY_S
        with closing(self), closing(Changes(self._site.engine)) as changes:
            while not stop():
                try:
                    moved = self.glance(changes)
                    away = AWAY_S
                except Unavailable as error:
                    log.warning("%s: %s", error.code, error.message)
                    self._quiet_until = 0.0
                    time.sleep(away)
                    away = min(away * 2, MAX_AWAY_S)
                    continue
                if not moved:
                    time.sleep(IDLE_S)

    def _deliver(self, ended: threading.Event, delivered: Future[None]) -> None:
        try:
            Courier(self._site, random.random).run(ended)
            delivered.set_result(None)
        except BaseException as fault:
            delivered.set_exception(fault)

    def _log_scans(self) -> int:
        merged = 0
        if time.monotonic() >= self._merge_after:
            # A scan waits a second at most, and one transaction takes in all that came meanwhile.
            merged = self._sequencer.merge()
            self._merge_after = time.monotonic() + MERGE_EVERY_S
        return merged + self._anchor()

    def _anchor(self) -> int:
        if time.monotonic() < self._anchor_after:
            return 0
        try:
            anchored = self._sequencer.anchor(self._heartbeat_s)
            self._no_anchor = ""
            return anchored
        except Rejected as error:
            # Roles and keys change, a ledger is sealed: without anchors all else goes on.
            # StaleHead: one is on its way already, and the next heartbeat signs over the new head.
            if error.code not in ("StaleHead", self._no_anchor):
                log.warning("The scan log is not anchored: %s: %s", error.code, error.message)
            self._no_anchor = error.code
            self._anchor_after = time.monotonic() + REFUSED_S
            return 0

    def _watch(self) -> int:
        if time.monotonic() < self._watch_after or not self._watcher.is_due():
            return 0
        began = time.monotonic()
        raised = self._watcher.step()
        # At most a third of the worker's time goes into watching; what comes in a second is
        # looked at together, unless there is more than a pass takes.
        rest = 2 * (time.monotonic() - began)
        self._watch_after = time.monotonic() + (rest if self._watcher.has_more else max(1.0, rest))
        return raised
