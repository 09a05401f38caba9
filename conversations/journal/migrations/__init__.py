"""Alembic migrations: how an older journal becomes a newer one."""
