"""Are the stored inclusion probabilities right? Every design drawn many times by the product itself.

A campaign of each design is closed at a moment that does not depend on the answers, with leases open. `draws_p` is the
smallest p-value of the designs whose probabilities do not depend on answers, of what was drawn and of what was
answered: a right one is small by chance only. `draws_control_p` is that of a queue that serves what the judge flagged
first, treated as if it were random: it must be next to nothing. `draws_bias` is the largest relative error of a
weighted total; `draws_learned_bias` the same where a second wave is shared out by the answers of the first, which
holds only nearly.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from amdash import embedded
from tests.bench.databases import at_home, empty, scratch
from tests.bench.measurement import Bench, Measurement, Options, say

REPETITIONS = 1000
DESIGNS = ("simple", "stratified", "priority")
MEASURES = ("draws_p", "draws_control_p", "draws_bias", "draws_learned_bias")


def measure(options: Options) -> Iterator[Measurement]:
    n = options.repetitions or REPETITIONS
    found: dict[str, dict[str, float]] = {}
    with at_home(options) as home:
        for design in (*DESIGNS, "learned", "control"):
            with scratch(home, "draws", empty(home)) as database:
                command = [sys.executable, "-m", "tests.bench.drawing", design, str(n), str(options.seed)]
                environment = database.environment | {"DJANGO_SETTINGS_MODULE": "amdash.settings"}
                result = subprocess.run(
                    command, cwd=embedded.ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True
                )
            found[design] = json.loads(result.stdout)
            say(f"draws, {design}: {found[design]}")
    smallest = min(found[design][name] for design in DESIGNS for name in ("p", "p_answered"))
    largest = max(abs(found[design][name]) for design in DESIGNS for name in ("bias", "bias_answered"))
    yield Measurement("draws_p", smallest, "probability", n)
    yield Measurement("draws_control_p", found["control"]["p_answered"], "probability", n)
    yield Measurement("draws_bias", largest, "share", n)
    yield Measurement("draws_learned_bias", abs(found["learned"]["bias"]), "share", n)


BENCH = Bench("draws", MEASURES, measure)
