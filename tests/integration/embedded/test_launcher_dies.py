"""Whoever launches the servers, root or not, and however it dies: they die with it and serve the next launcher."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from fixtures.waiting import wait_until

from carewatch.embedded.processes import is_alive

NOBODY = 65534
AS_NOBODY = [
    "setpriv",
    f"--reuid={NOBODY}",
    f"--regid={NOBODY}",
    "--clear-groups",
    # Only so that somebody else can read an interpreter and enter a pytest folder that may belong to root alone.
    "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=-all,+dac_read_search",
    "--",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    dsn: str
    url: str
    pids: list[int]


@contextmanager
def launcher(folder: Path, words: list[str], env: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[str], Served]]:
    argv = [*words, sys.executable, "-P", str(Path(__file__).with_name("launcher.py")), str(folder)]
    with subprocess.Popen(argv, env=env, text=True, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield process, Served(**json.loads(process.stdout.readline()))
        finally:
            process.kill()


@pytest.fixture(params=["ourselves", "nobody", "root without namespaces"])
def words_and_env(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """Three kinds of launchers; whoever is not root can only be herself."""
    env = dict(os.environ)
    if os.geteuid() != 0:
        return [], env
    if request.param == "nobody":
        return AS_NOBODY, env
    return [], without_namespaces(tmp_path) if request.param == "root without namespaces" else env


def without_namespaces(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the kernel seems to refuse user namespaces, as it does in most containers."""
    refusing = tmp_path / "bin" / "unshare"
    refusing.parent.mkdir()
    refusing.write_text("#!/bin/sh\necho 'unshare failed: Operation not permitted' >&2\nexit 1\n")
    refusing.chmod(0o755)
    return os.environ | {"PATH": f"{refusing.parent}:{os.environ['PATH']}"}


@pytest.fixture
def folder(words_and_env: tuple[list[str], dict[str, str]], tmp_path: Path) -> Path:
    folder = tmp_path / "servers"
    folder.mkdir()
    if words_and_env[0]:
        os.chown(folder, NOBODY, NOBODY)
    return folder


def test_a_killed_launcher_takes_its_servers_along_and_a_new_one_serves_at_once(
    words_and_env: tuple[list[str], dict[str, str]], folder: Path
) -> None:
    """After kill -9 of the launcher both servers end; one started in that very moment serves what was committed."""
    with launcher(folder, *words_and_env) as (first, served):
        with psycopg.connect(served.dsn) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (41)")
        assert all(map(is_alive, served.pids))
        first.kill()
        with launcher(folder, *words_and_env) as (second, again):
            assert (again.dsn, again.url) == (served.dsn, served.url)
            assert not any(map(is_alive, served.pids))
            with psycopg.connect(again.dsn) as connection:
                assert connection.execute("SELECT n FROM kept").fetchall() == [(41,)]
            second.kill()
            wait_until(lambda: not any(map(is_alive, again.pids)))


def test_a_cluster_survives_gaining_and_losing_namespaces(tmp_path: Path) -> None:
    """The same folder serves whether or not the kernel allows user namespaces at the moment."""
    refused = without_namespaces(tmp_path)
    for env in (refused, dict(os.environ), refused):
        with launcher(tmp_path / "servers", [], env) as (_, served), psycopg.connect(served.dsn) as connection:
            assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_a_cluster_half_made_is_made_anew(tmp_path: Path) -> None:
    """A launcher killed while it creates the cluster leaves nothing that keeps the next one from serving."""
    argv = [sys.executable, "-P", str(Path(__file__).with_name("launcher.py")), str(tmp_path)]
    with subprocess.Popen(argv) as interrupted:
        wait_until((tmp_path / "postgres" / "cluster.new" / "base").exists)
        interrupted.kill()
    assert not (tmp_path / "postgres" / "cluster").exists()
    with launcher(tmp_path, [], os.environ) as (_, served), psycopg.connect(served.dsn) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
