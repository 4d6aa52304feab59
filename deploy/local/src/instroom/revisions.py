"""The highest revision of each academy's organisation that this command line has seen.

It goes with every upload and request, so that what follows an `org apply` never meets the organisation before it.
"""

from pathlib import Path


def seen(home: Path, academy: str) -> int:
    """The highest revision remembered, 0 if none."""
    return max(_revisions(home, academy), default=0)


def remember(home: Path, academy: str, revision: int) -> None:
    """Remember a revision. Each is a file of its own: two command lines at once cannot lower what is remembered."""
    if revision <= seen(home, academy):
        return
    folder = home / "revisions" / academy
    folder.mkdir(parents=True, exist_ok=True)
    (folder / str(revision)).touch()
    for lower in _revisions(home, academy):
        if lower < revision:
            (folder / str(lower)).unlink(missing_ok=True)


def _revisions(home: Path, academy: str) -> list[int]:
    try:
        return [int(entry.name) for entry in (home / "revisions" / academy).iterdir() if entry.name.isdigit()]
    except FileNotFoundError:
        return []
