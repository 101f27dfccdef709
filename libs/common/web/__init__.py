"""The HTTP side every service shares: app factory, errors, health, server, internal calls."""
