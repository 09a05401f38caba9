"""The one way in which telling goes wrong."""


class NotTold(Exception):
    """The place did not take it, or nobody knows; a later try may do better. The message holds no address and no token."""
