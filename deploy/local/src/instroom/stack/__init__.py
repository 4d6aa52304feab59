"""The embedded stack: PostgreSQL, Apache Kafka and a mail sink, and the supervisor that keeps the platform running."""
