"""Users: the list, one person, adding and changing."""

from starlette.routing import Route

ROUTES: list[Route] = []
