"""`python -m contracts_tools generate | check | freeze`."""

import argparse
import sys

from contracts_tools import outputs, releases


def main() -> int:
    """Run one command; 0 if all is well, 1 if not, with the reasons on stderr."""
    parser = argparse.ArgumentParser(prog="contracts_tools", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("generate", help="make schemas, AsyncAPI, examples, languages and the tables of the README")
    commands.add_parser("check", help="are the generated files current, and does nothing break with a release?")
    commands.add_parser("freeze", help="make the next release of what is generated")
    match parser.parse_args().command:
        case "generate":
            outputs.write()
            return 0
        case "freeze":
            try:
                print(f"frozen: {releases.freeze().relative_to(outputs.ROOT)}")
            except releases.FreezeRefused as refused:
                return _fail([str(refused)])
            return 0
        case _:
            wrong = [f"{path} is not current: run `make generate`" for path in outputs.differences()]
            for release in releases.released():
                wrong += [f"breaks with release {release.name}: {why}" for why in releases.broken(release)]
                if releases.tampered(release):
                    wrong.append(f"release {release.name} was changed after it was frozen")
            return _fail(wrong)


def _fail(reasons: list[str]) -> int:
    for reason in reasons:
        print(reason, file=sys.stderr)
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
