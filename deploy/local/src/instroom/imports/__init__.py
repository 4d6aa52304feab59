"""An import as a person or program at the command line sees it."""
