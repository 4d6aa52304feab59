"""Invitations and how they went."""

from starlette.routing import Route

ROUTES: list[Route] = []
