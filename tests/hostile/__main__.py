"""`make hostile`: crafted uploads and mutants of sound ones; ends with 0 if nothing got through."""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.hostile.mutants import make_seeds, mutate
from tests.hostile.suite import Suite, crafted_cases
from tests.scanning import colour_scorer


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the mutants")
    parser.add_argument("--mutants", type=int, default=5_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--crafted", default="", help="only crafted files with this in their name")
    parser.add_argument("--keep", type=Path, help="write the mutants there, and judge nothing")
    asked = parser.parse_args()
    began_s = time.monotonic()
    numbers = range(asked.first, asked.first + asked.mutants)
    cases = [case for case in crafted_cases() if asked.crafted in case.name]
    with tempfile.TemporaryDirectory(prefix="heatreel-hostile-") as name:
        folder = Path(name)
        seeds = make_seeds(folder)
        if asked.keep is not None:
            for number in numbers:
                sound, content = mutate(seeds, number, seed=asked.seed)
                (asked.keep / f"{number}.{sound.extension}").write_bytes(content)
            return 0
        with Suite(folder, colour_scorer(folder)) as suite:
            for case in cases:
                suite.try_crafted(case)
            suite.try_mutants(seeds, numbers, seed=asked.seed)
    tally = suite.tally
    sys.stdout.write(f"seed {asked.seed}, {(time.monotonic() - began_s) / 60:.1f} minutes\n")
    sys.stdout.writelines(f"{line}\n" for line in [*tally.lines(), *tally.faults])
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
