"""Delivers invitations by e-mail: whom, in which academy's name, until when is decided elsewhere."""
