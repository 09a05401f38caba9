"""The pages: what they show, from the journal as it is now."""

from mysterybot.pages.routes import STATE, ServerState, routes

__all__ = ["STATE", "ServerState", "routes"]
