"""A frontend in small: add each person of a list, then tell what became of each. Needs httpx only.

    INSTROOM_TOKEN=it_… python frontend.py http://localhost:8102 demo '[{"personnel_number": "1001", …}]'

Prints one line per person, in the order of the outcomes: the command's id and what it came to.
"""

import json
import os
import sys

import httpx


def access(api: httpx.Client) -> None:
    """Show a new access token from here on; it is good for a minute."""
    answer = api.post("/access-tokens", headers={"Authorization": f"Bearer {os.environ['INSTROOM_TOKEN']}"})
    api.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"


def main(address: str, academy: str, people: list[dict]) -> None:
    to_send, waiting, place = people, set(), ""
    with httpx.Client(base_url=address, timeout=90) as api:
        while to_send or waiting:
            access(api)
            with api.stream("GET", f"/academies/{academy}/events", headers={"Last-Event-ID": place}) as events:
                events.raise_for_status()
                for line in events.iter_lines():  # until the token is over; then on from `place` with a new one
                    name, _, value = line.partition(": ")
                    if name == "id":
                        place = value
                    for person in to_send:  # only now that the stream is open, so that no outcome is missed
                        key = {"Idempotency-Key": f"hire-{person['personnel_number']}"}
                        accepted = api.post(f"/academies/{academy}/users", json=person, headers=key)
                        command = api.get(accepted.raise_for_status().headers["Location"]).json()
                        if command["state"] == "done":
                            print(command["id"], command["outcome"]["code"])
                        else:
                            waiting.add(command["id"])
                    to_send = []
                    event = json.loads(value) if name == "data" else {}
                    if event.get("requestid") in waiting:
                        waiting.remove(event["requestid"])
                        print(event["requestid"], event["type"].split(".")[2])
                    if not waiting:
                        return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
