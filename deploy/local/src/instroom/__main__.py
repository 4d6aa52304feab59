"""`python -m instroom` is `instroom`."""

from instroom.cli import main

if __name__ == "__main__":
    main()
