"""What is installed is whole: the wheel holds every file that the program reads."""

import subprocess
import sys
import zipfile
from pathlib import Path

_ROOT = Path(__file__).parents[3]
_PACKAGES = ("alerting", "api", "carewatch", "devices", "domain", "ingest", "simulator", "store")
_READ_AT_RUN_TIME = (".sql", ".yaml", ".mo", ".html", ".css", ".js", ".svg", ".wav", ".typed")


def test_the_wheel_holds_every_file_read_at_run_time(tmp_path: Path) -> None:
    """Queries, migrations, plans, catalogues and pages travel with the code."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=_ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    tracked = subprocess.run(
        ["git", "ls-files", *_PACKAGES], cwd=_ROOT, check=True, capture_output=True, text=True
    ).stdout.split()
    wanted = {name for name in tracked if name.endswith((*_READ_AT_RUN_TIME, ".py"))}
    assert len(wanted) > 50
    assert wanted - held == set()


def test_the_wheel_holds_nothing_but_the_packages(tmp_path: Path) -> None:
    """No tests, no benchmarks, nothing of a working folder."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=_ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(_PACKAGES)
