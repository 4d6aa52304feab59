"""What happened in the academy."""

from starlette.routing import Route

ROUTES: list[Route] = []
