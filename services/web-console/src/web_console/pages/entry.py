"""The ways in: log-in, passwords, invitations, terms, the choice of language."""

from starlette.routing import Route

ROUTES: list[Route] = []
