"""What processes use: processor time and memory, as the kernel counts them. Source: proc(5)."""

import os
from pathlib import Path


def cpu_s(pid: int) -> float:
    """Processor time of ``pid``, of all processes below it, and of those below it that have ended."""
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
    return sum(used for one, used in spent.items() if _is_below(one, pid, parents))


def _is_below(one: int, pid: int, parents: dict[int, int]) -> bool:
    while one > 1:
        if one == pid:
            return True
        one = parents.get(one, 0)
    return False


def memory_mib(pid: int) -> float:
    """Resident memory of ``pid`` alone."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
