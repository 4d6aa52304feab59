"""What tests drive the system with from outside: files, an academy of their own, another Kafka client."""
