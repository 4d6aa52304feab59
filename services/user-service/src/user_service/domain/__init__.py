"""Every decision about people: pure, total, with time and ids as arguments.

`reading` turns a request into what it asks, `decide` and `commands` turn that and what is known into a `Decision`,
`decision.apply` turns a decision into the new state, `documents` shows it.
"""
