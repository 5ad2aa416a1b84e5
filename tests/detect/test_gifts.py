"""How large a gift may be, and what a larger one is worth."""

from __future__ import annotations

import numpy as np
import pytest

from ledger.detect.gifts import BETS, CROWDS, GIFT_TAIL, LOG_EVIDENCE, gift_evidence, gift_tail


@pytest.mark.parametrize("strangers", CROWDS)
def test_the_evidence_of_a_size_is_an_e_value(strangers: float) -> None:
    """Averaged over the sizes that the null allows it is at most one, for every bet."""
    tail = gift_tail(strangers)
    chance = tail - np.append(tail[1:], 0.0)
    sizes = np.minimum(np.arange(1, len(tail) + 1), BETS.shape[1])
    assert np.all(gift_evidence(strangers)[:, sizes] @ chance <= 1 + 1e-9)


def test_without_strangers_a_group_is_a_gift() -> None:
    """The tail is that of gifts, and grows with the strangers that may join."""
    assert gift_tail(0.0) == pytest.approx(np.array(GIFT_TAIL), abs=1e-9)
    assert np.all(gift_tail(0.4)[1:] > gift_tail(0.1)[1:])


def test_bets_stake_all_they_have() -> None:
    """The parts of a stake sum to one; in a crowd a size says nothing."""
    assert pytest.approx(np.ones(len(BETS))) == BETS.sum(axis=1)
    assert np.all(LOG_EVIDENCE[-1, :, 1:] == 0)
