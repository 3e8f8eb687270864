"""What processes use: processor time and memory, as the kernel counts them. Source: proc(5)."""

import os
from collections.abc import Iterator
from pathlib import Path


def cpu_s(pid: int) -> float:
    """Processor time of ``pid``, of all processes below it, and of those below it that have ended."""
    parents, spent = _table()
    return sum(used for one, used in spent.items() if _is_below(one, pid, parents))


def cpu_by_name_s(pid: int) -> dict[str, float]:
    """Processor time of each process that ``pid`` has started, with all below it: by program, ours by what they run."""
    parents, spent = _table()
    used: dict[str, float] = {}
    for one, name in _started(pid, parents):
        below = sum(time_s for other, time_s in spent.items() if _is_below(other, one, parents))
        used[name] = used.get(name, 0.0) + below
    return used


def memory_by_name_mib(pid: int) -> dict[str, float]:
    """Resident memory of each process that ``pid`` has started, without those below it; named as above."""
    return {name: memory_mib(one) for one, name in _started(pid, _table()[0])}


def memory_mib(pid: int) -> float:
    """Resident memory of ``pid`` alone."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _table() -> tuple[dict[int, int], dict[int, float]]:
    """The parent of each process, and the seconds that it has used."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(entry.name)] = int(fields[1])
        spent[int(entry.name)] = sum(int(one) for one in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    return parents, spent


def _started(pid: int, parents: dict[int, int]) -> Iterator[tuple[int, str]]:
    for one, parent in parents.items():
        if parent == pid:
            words = Path(f"/proc/{one}/cmdline").read_text().split("\0")[:-1]
            yield one, words[-1] if "carewatch" in words else Path(words[0]).name


def _is_below(one: int, pid: int, parents: dict[int, int]) -> bool:
    while one > 1:
        if one == pid:
            return True
        one = parents.get(one, 0)
    return False
