"""Who a server is that refuses to be root, without creating users."""

import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from carewatch.embedded.processes import run_to_end


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """How to start a server as somebody PostgreSQL accepts: not root, and with a name."""

    words: tuple[str, ...]
    """What to put before its command line."""
    owner: int
    """The user id that its files must have, as seen from outside."""


def ordinary_identity() -> Identity:
    """Return ourselves if we are an ordinary user, else the mildest way for root to pose as one.

    First choice is a user namespace, in which our own id bears the name of an ordinary user: our files stay ours, and
    nothing else is ours. Where it is not allowed, as in most containers, root gives up everything but the right to
    enter its own folders. PostgreSQL wants its user to have a name; hence the namespace also for an id without one.

    Source: user_namespaces(7): mapping the own id needs no privilege; capabilities(7), ambient capabilities.
    """
    if os.geteuid() != 0 and _has_name(os.geteuid()):
        return Identity(words=(), owner=os.geteuid())
    user, group = _somebody()
    namespace = ("unshare", "--user", f"--map-user={user}", f"--map-group={group}", "--")
    if os.geteuid() != 0 or run_to_end([*namespace, "true"], env=os.environ).returncode == 0:
        return Identity(words=namespace, owner=os.geteuid())
    kept = "-all,+dac_override"
    downgrade = ("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", f"--bounding-set={kept}")
    return Identity(words=(*downgrade, f"--inh-caps={kept}", f"--ambient-caps={kept}", "--"), owner=user)


def give(folder: Path, owner: int) -> None:
    """Give a folder and everything in it to `owner`, unless it is theirs already."""
    if folder.stat().st_uid == owner:
        return
    for inside in folder.rglob("*"):
        shutil.chown(inside, owner)
    shutil.chown(folder, owner)


def _has_name(user: int) -> bool:
    return any(entry.pw_uid == user for entry in pwd.getpwall())


def _somebody() -> tuple[int, int]:
    """Return the ids of `nobody`, or of any user that is not root, or those usual for `nobody`."""
    ordinary = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    for entry in sorted(ordinary, key=lambda entry: entry.pw_name != "nobody"):
        return entry.pw_uid, entry.pw_gid
    return 65534, 65534
