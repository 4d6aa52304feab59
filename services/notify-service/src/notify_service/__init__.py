"""Delivers invitations and links for a new password by e-mail: whom, in which academy's name, until when is decided elsewhere."""
