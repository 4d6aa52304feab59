"""Reading an uploaded file: from bytes nobody vouches for to rows of text (`docs/rules.md`, "Reading a file").

Everything but `reader` runs in a process of its own that may be killed, and imports nothing but the standard library,
orjson, calamine and `contracts.fields`, so that it starts quickly and holds no secret.
"""
