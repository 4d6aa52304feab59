"""The operator's pages: academies and their first administrator."""

from starlette.routing import Route

ROUTES: list[Route] = []
