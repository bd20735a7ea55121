"""Cost of splitting a table against the plain generator, per non-zero and in memory.

``split:`` is compared with ``gen:`` at the same number of goods and about the same number of
non-zeros. Each figure comes from a fresh process: seconds of CPU, and the peak of resident memory
(VmHWM, Linux) above the level before, over the bytes of the finished arrays. The two are run in
turn. Targets: time ratio below 3, peak below 6.

    python benchmarks/bench_disaggregate.py --goods 1e6 --repeats 3
"""

from __future__ import annotations

import argparse
import json

from fresh import measured, median, median_ratio, run_in_turn

KINDS = ("gen", "split")


def spec_of(kind: str, goods: int) -> str:
    """Instance of about 20 inputs per good, one technique, two resources."""
    return {
        "gen": f"gen:goods={goods},inputs=20,techniques=1,resources=2,resources_per_activity=all,"
        "seed=1",
        "split": f"split:us-bea-71,goods={goods},inputs=20,seed=1",
    }[kind]


def measure(kind: str, goods: int) -> dict[str, float]:
    """Make one economy in this process."""
    from planbench.catalogue.resolve import load_instance

    # Tables of draws, imports and the table itself are made once.
    load_instance(spec_of(kind, 1000))
    instance, figures = measured(lambda: load_instance(spec_of(kind, goods)))
    economy = instance.economy
    assert economy is not None
    return figures | {"entries": economy.nnz, "bytes": economy.nbytes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--goods", type=float, default=1e6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    goods = int(options.goods)
    if options.measure:
        print(json.dumps(measure(options.measure, goods)))
        return
    runs = run_in_turn(
        __file__,
        {kind: ["--measure", kind, "--goods", str(goods)] for kind in KINDS},
        options.repeats,
    )
    print(f"{goods:,} goods, median of {options.repeats}")
    for kind in KINDS:
        mine = runs[kind]
        times = median_ratio(mine, runs["gen"], "cpu")
        print(
            f"  {spec_of(kind, goods).split(',goods')[0]:44s} {median(mine, 'cpu'):7.2f} s cpu "
            f"{median(mine, 'wall'):7.2f} s wall {median(mine, 'entries'):12.0f} non-zeros  "
            f"time / gen {times:5.2f}  "
            f"peak / arrays {median(mine, 'peak') / median(mine, 'bytes'):5.2f}"
        )


if __name__ == "__main__":
    main()
