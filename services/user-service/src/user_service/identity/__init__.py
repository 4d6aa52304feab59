"""Who somebody is: passwords, sessions, tokens, invitations and resets."""
