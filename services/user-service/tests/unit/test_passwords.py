"""What a stolen table of passwords would cost whoever guesses."""

from user_service.identity.passwords import Passwords


async def test_a_hash_costs_what_rfc_9106_advises_where_memory_is_little() -> None:
    made = await Passwords().hash("correct horse battery")
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert await Passwords().matches(made, "correct horse battery")
    assert not await Passwords().matches(made, "correct horse batter")
    assert not await Passwords().matches(None, "nobody has this password")
