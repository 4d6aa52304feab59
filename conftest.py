"""What every test of the repository may use."""

import contracts  # noqa: F401 - before pytest takes the folder of that name for the package

pytest_plugins = ["chassis.testing", "instroom.testing"]
