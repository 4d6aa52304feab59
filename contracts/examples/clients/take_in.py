"""Take one person in over Kafka and print what became of it. Needs confluent-kafka only.

    python take_in.py localhost:9092 demo '{"personnel_number": "1001", "first_name": "Jan", …}'

Exit code 0: taken in; 1: rejected, the errors are printed; 3: no outcome within 30 seconds.
"""

import json
import sys
import time
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition

SOURCE = "hr.example.com"


def main(bootstrap: str, academy: str, person: dict) -> int:
    request_id = str(uuid.uuid4())
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": SOURCE, "enable.auto.commit": False})
    partitions = consumer.list_topics("user.events", timeout=10).topics["user.events"].partitions
    ends = [TopicPartition("user.events", number) for number in partitions]
    for end in ends:  # where each partition ends now: the outcome can only come after it
        end.offset = consumer.get_watermark_offsets(end, timeout=10)[1]
    consumer.assign(ends)

    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "acks": "all"})
    producer.produce(
        "user.requests",
        key=f"{academy}/{person.get('personnel_number', '')}",
        value=json.dumps({"mode": "upsert", "person": person}),
        headers={
            "ce_specversion": "1.0",
            "content-type": "application/json",
            "ce_id": request_id,
            "ce_type": "instroom.user.requested.v1",
            "ce_source": SOURCE,
            "ce_academy": academy,
        },
    )
    producer.flush(30)

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None or message.error():
            continue
        headers = dict(message.headers())
        if (headers.get("ce_requestsource"), headers.get("ce_requestid")) == (SOURCE.encode(), request_id.encode()):
            outcome = headers["ce_type"].decode()
            print(json.dumps({"outcome": outcome, "request_id": request_id, **json.loads(message.value())}))
            return 1 if outcome == "instroom.user.rejected.v1" else 0
    return 3


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
