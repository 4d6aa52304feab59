"""Makes the files beside the models (schemas, AsyncAPI, examples, tables) and guards what was released.

For this repository only: it is not part of the `instroom-contracts` wheel, so it may use more than pydantic.
"""
