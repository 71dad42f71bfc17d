"""Who may come in, for longer than one run of the server: users, sessions and invitations. It knows no web."""
