"""Make users.xlsx and expected.json from organisation.yaml: the same bytes every time (`make generate`)."""

import json
from pathlib import Path

import yaml

from instroom.samples import sample, workbook


def main() -> None:
    here = Path(__file__).parent
    made = sample.make(yaml.safe_load((here / "organisation.yaml").read_text(encoding="utf-8")))
    (here / "users.xlsx").write_bytes(workbook.reproducible(made.rows))
    expected = json.dumps(made.expected(), indent=2, ensure_ascii=False) + "\n"
    (here / "expected.json").write_text(expected, encoding="utf-8")


if __name__ == "__main__":
    main()
