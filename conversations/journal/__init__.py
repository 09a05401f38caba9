"""The journal: what happened, what is under way, and what must never be done twice.

`Journal` runs operations; an operation is a plain function of a SQLAlchemy Core connection, kept in this package beside
the tables that it touches. Tables and their meaning are in `schema`.
"""

from conversations.journal.journal import Journal, JournalError

__all__ = ["Journal", "JournalError"]
