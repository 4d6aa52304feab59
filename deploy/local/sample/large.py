"""A workbook of any number of different people, and the organisation of 50 companies by 20 departments they work in.

    python large.py ROWS OUT.xlsx [--seed N] [--academy A] [--changed EVERY]

writes OUT.xlsx and, beside it, OUT.yaml for `instroom org apply`. With `--changed 10` every tenth person has another
cost centre than without it: the same people, for measuring updates.
"""

import argparse
from pathlib import Path

import yaml

from instroom.samples import large, workbook


def main() -> None:
    parser = argparse.ArgumentParser(description="A large workbook and its organisation.")
    parser.add_argument("rows", type=int)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--academy", default="large")
    parser.add_argument("--changed", type=int, default=0, metavar="EVERY")
    asked = parser.parse_args()
    workbook.write(large.rows(asked.rows, seed=asked.seed, changed_every=asked.changed), asked.out)
    organisation = yaml.safe_dump(large.organisation(asked.academy), allow_unicode=True, sort_keys=False)
    asked.out.with_suffix(".yaml").write_text(organisation, encoding="utf-8")


if __name__ == "__main__":
    main()
