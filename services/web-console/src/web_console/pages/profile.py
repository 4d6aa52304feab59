"""The visitor's own profile."""

from starlette.routing import Route

ROUTES: list[Route] = []
