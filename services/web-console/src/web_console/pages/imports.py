"""Imports: uploading, checking, starting, following."""

from starlette.routing import Route

ROUTES: list[Route] = []
