"""The texts that people read, one module per language."""
