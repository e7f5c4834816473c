"""Pauses grow, spread a little, and end."""

from __future__ import annotations

from paidflow.outgoing.back_off import PAUSES_S, SILENCE_S_MAX, SILENCE_S_MIN, BackOff


def test_pauses_grow_and_end() -> None:
    back_off = BackOff(chance=lambda: 0.0)
    pauses = [back_off.pause_s(tries) for tries in range(1, len(PAUSES_S) + 2)]
    assert pauses == [*PAUSES_S, None]
    assert list(PAUSES_S) == sorted(set(PAUSES_S))


def test_chance_spreads_them_by_a_fifth() -> None:
    assert BackOff(pauses_s=(10,), chance=lambda: 1.0).pause_s(1) == 12
    spread = {BackOff(pauses_s=(10,)).pause_s(1) for _ in range(20)}
    assert len(spread) > 1
    assert all(pause is not None and 10 <= pause <= 12 for pause in spread)


def test_silence_begins_late_and_is_bounded() -> None:
    back_off = BackOff(failures_max=3, chance=lambda: 0.0)
    silences = [back_off.silence_s(failures) for failures in (1, 2, 3, 4, 5, 50, 5000)]
    doubled = [SILENCE_S_MIN, 2 * SILENCE_S_MIN, 4 * SILENCE_S_MIN]
    assert silences == [None, None, *doubled, SILENCE_S_MAX, SILENCE_S_MAX]
