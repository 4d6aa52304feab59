"""The commands, one module per noun; each has an `app` or functions that `instroom.cli` registers."""
