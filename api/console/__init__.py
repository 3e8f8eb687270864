"""The duty desk's console: a process and a port of its own, whose death costs no call."""
