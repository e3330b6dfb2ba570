"""What takes long to build, and waits for the next fit of the same kind."""

import threading

_MAX_KEPT = 8


class Cache:
    """Holds what takes long to build; what is not asked for longest makes room."""

    def __init__(self):
        self._kept = []  # pairs of a key and what it stands for, the latest last
        self._lock = threading.Lock()

    def __len__(self):
        return len(self._kept)

    def clear(self):
        """Drop everything."""
        with self._lock:
            self._kept.clear()

    def take(self, key):
        """Take something out, so that nobody else gets it; None if there is none."""
        with self._lock:
            for number in reversed(range(len(self._kept))):
                if self._kept[number][0] == key:
                    return self._kept.pop(number)[1]
        return None

    def put(self, key, value):
        """Put something back, or something new in."""
        with self._lock:
            self._kept.append((key, value))
            del self._kept[:-_MAX_KEPT]
