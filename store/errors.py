"""Errors of the store, and the one map from PostgreSQL's.

StoreError                     ``retryable``: the same call may succeed later, unchanged
├── Unavailable                the database cannot be reached, is starting, stopping, full or out of connections
├── Contended                  another transaction was in the way: serialisation, deadlock, lock time-out
├── ConstraintBroken           an invariant of the schema refused the change; ``constraint`` names it
├── BadQuery                   the statement itself is at fault, or the schema is another than it expects
├── MigrationFault             a migration was edited after it ran, or the database is newer than this program
└── Displaced                  the fence shows that somebody else holds the lease now
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg


class StoreError(Exception):
    """Base of all errors raised in :mod:`store`."""

    retryable = False


class Unavailable(StoreError):
    """The database cannot be used now."""

    retryable = True


class Contended(StoreError):
    """Another transaction was in the way."""

    retryable = True


class ConstraintBroken(StoreError):
    """An invariant of the schema refused the change."""

    def __init__(self, message: str, constraint: str | None = None) -> None:
        super().__init__(message)
        self.constraint = constraint


class BadQuery(StoreError):
    """A statement is at fault, or meets another schema than it expects."""


class MigrationFault(StoreError):
    """The migrations recorded in the database are not those of this program."""


class Displaced(StoreError):
    """Somebody else holds the lease now: whatever was to be written is not."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(f"lease {name!r} is no longer held by {holder!r}")
        self.name = name
        self.holder = holder


_DISPLACED = "CW001"  # what the function hold_lease raises


def mapped(error: psycopg.Error) -> StoreError:
    """The store's own error for ``error``; every class of PostgreSQL's is mapped."""
    text = str(error).strip() or type(error).__name__
    if error.sqlstate == _DISPLACED:
        return Displaced(error.diag.table_name or "", error.diag.column_name or "")
    if isinstance(error, pg.IntegrityError):
        return ConstraintBroken(text, error.diag.constraint_name)
    if isinstance(error, pg.SerializationFailure | pg.DeadlockDetected | pg.LockNotAvailable | pg.QueryCanceled):
        return Contended(text)
    if isinstance(error, pg.OperationalError | pg.InterfaceError | pg.InternalError):
        return Unavailable(text)
    return BadQuery(text)


@contextmanager
def mapping() -> Iterator[None]:
    """Turn PostgreSQL's errors into the store's, chained."""
    try:
        yield
    except psycopg.Error as error:
        raise mapped(error) from error
