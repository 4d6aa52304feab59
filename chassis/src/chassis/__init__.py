"""How every service runs: settings, database, outbox, consuming, dead letters, HTTP, health, telemetry.

No word of the domain is in here.
"""
