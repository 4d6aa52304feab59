"""user-service over HTTP: who somebody is. Opaque secrets in, access tokens out; nothing tells who has an account."""

from fastapi import APIRouter

from user_service.identity_api.administration import add_administration
from user_service.identity_api.common import Identity
from user_service.identity_api.links import add_links
from user_service.identity_api.oidc import add_oidc
from user_service.identity_api.profile import add_profile
from user_service.identity_api.sessions import add_sessions

__all__ = ["Identity", "make_identity_router"]


def make_identity_router(identity: Identity) -> APIRouter:
    """The routes of identity. Comes before that of people, whose paths take everything."""
    router = APIRouter()
    add_sessions(router, identity)
    add_links(router, identity)
    add_oidc(router, identity)
    add_profile(router, identity)
    add_administration(router, identity)
    return router
