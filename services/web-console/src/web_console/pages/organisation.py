"""The structure of the organisation."""

from starlette.routing import Route

ROUTES: list[Route] = []
