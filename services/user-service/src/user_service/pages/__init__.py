"""The pages that invited people see: plain HTML, no scripts, nothing from elsewhere."""

from user_service.pages.invitation import invitation_page

__all__ = ["invitation_page"]
