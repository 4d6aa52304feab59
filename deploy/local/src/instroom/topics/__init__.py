"""The topics as they are on the broker, for looking at."""
