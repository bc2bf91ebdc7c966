"""The long run: `python -m tests.chaos --seed 7 --seconds 300`; exit status 1 when the promise did not hold."""

from __future__ import annotations

import argparse
import sys
from random import SystemRandom

from tests.chaos.faults import FAULTS, ON_A_CLUSTER
from tests.chaos.run import Run
from tests.chaos.vandals import VANDALS


def main() -> int:
    options = _options()
    words = [word for word in options.faults.split(",") if word]
    faults = [fault for fault in (ON_A_CLUSTER if options.cluster else FAULTS) if _is_chosen(fault.name, words)]
    vandals = [vandal for vandal in VANDALS if not options.cluster and _is_chosen(vandal.name, words)]
    if options.list or not (faults or vandals):
        print("\n".join([fault.name for fault in FAULTS] + [vandal.name for vandal in VANDALS]))
        return 0 if options.list else 2
    run = Run(options.seed, faults, vandals, lambda text: print(text, flush=True), cluster=options.cluster)
    return 0 if run.play(options.seconds, first_round=options.round) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000), help="default: any, printed")
    parser.add_argument("--seconds", type=float, default=300.0, help="how long, in all (default: 300)")
    parser.add_argument("--round", type=int, default=0, help="begin with this round, to repeat it")
    parser.add_argument("--cluster", action="store_true", help="on three masters and three replicas; no vandals")
    parser.add_argument("--faults", default="", help="words, separated by commas, to choose faults by their names")
    parser.add_argument("--list", action="store_true", help="print the names of the faults, and end")
    return parser.parse_args()


def _is_chosen(name: str, words: list[str]) -> bool:
    return not words or any(word in name for word in words)


if __name__ == "__main__":
    sys.exit(main())
