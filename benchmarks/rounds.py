"""Rounds: every side runs in each of them, in alternating order, and ratios stay within one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.cases import Case, Result
from benchmarks.figures import Spread

Round = Mapping[Case, Result]


@dataclass(frozen=True, slots=True)
class Measure:
    """A ratio that has to reach something.

    Args:
        letter: its name.
        title: what is compared.
        cases: what has to be run for it.
        value: the ratio within one round.
        required: what it must reach.
        aim: what it should reach.
        at_most: whether smaller is better.
        rounds: in how many rounds its cases are run; ``None`` for the usual number.
        unit: of the value, if it is no ratio.
    """

    letter: str
    title: str
    cases: tuple[Case, ...]
    value: Callable[[Round], float]
    required: float
    aim: float
    at_most: bool = False
    rounds: int | None = None
    unit: str = ""

    def reached(self, value: float) -> str:
        """How good a value is: ``aim``, ``yes`` or ``no``."""

        def reaches(goal: float) -> bool:
            return value <= goal if self.at_most else value >= goal

        return "aim" if reaches(self.aim) else "yes" if reaches(self.required) else "no"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A measure over all rounds.

    Args:
        measure: which.
        spread: of its ratio.
        rounds: how many rounds had everything that it needs.
    """

    measure: Measure
    spread: Spread
    rounds: int


def cases_of(measures: Iterable[Measure], sides: Collection[str] | None = None) -> list[Case]:
    """What has to be run, each once; only these sides, if any are named."""
    every = dict.fromkeys(case for measure in measures for case in measure.cases)
    return [case for case in every if sides is None or case.side in sides]


def order(cases: Sequence[Case], round_: int) -> list[Case]:
    """The order of a round: forwards and backwards in turn, so that none is always the first."""
    return list(cases) if round_ % 2 == 0 else list(reversed(cases))


def rounds_of(
    cases: Iterable[Case], measures: Collection[Measure], usual: int, most: int
) -> dict[Case, int]:
    """In how many rounds each case is run: as often as the measure that asks for most.

    Args:
        cases: the cases.
        measures: which may have numbers of their own.
        usual: the number for all others.
        most: no case is run more often.
    """
    return {
        case: min(
            max((m.rounds or usual for m in measures if case in m.cases), default=usual), most
        )
        for case in cases
    }


def run_rounds(rounds: Mapping[Case, int], run: Callable[[Case, int], Result]) -> list[Result]:
    """Run every case once in each of its rounds."""
    return [
        run(case, number)
        for number in range(max(rounds.values()))
        for case in order([case for case in rounds if number < rounds[case]], number)
    ]


def outcomes(measures: Iterable[Measure], results: Sequence[Result]) -> list[Outcome]:
    """The ratios of all measures whose cases were run."""
    rounds: dict[int, dict[Case, Result]] = {}
    for result in results:
        rounds.setdefault(result.round, {})[result.case] = result
    found: list[Outcome] = []
    for measure in measures:
        values = [
            measure.value(done)
            for done in rounds.values()
            if all(case in done for case in measure.cases)
        ]
        if values:
            found.append(Outcome(measure, Spread.of(values), len(values)))
    return found
