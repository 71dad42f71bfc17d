"""Sizes in bytes, as people write and read them."""

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def shown(size: int) -> str:
    """A size as people say it."""
    unit = next((unit for unit in reversed(UNITS) if size >= UNITS[unit]), "")
    number = size / UNITS[unit]
    return f"{number:.{3 if number < 999.5 else 4}g} {unit}{'i' if unit else ''}B"
