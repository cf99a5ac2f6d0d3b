"""The one error that a person, not a programmer, is meant to read."""


class InputError(Exception):
    """Something given from outside is wrong: a key, a folder, a file, a box.

    The message is one line that says what was expected where. The commands print it alone and
    leave with exit code 1; everything else that is raised is a defect and keeps its traceback.
    """


def check_part(key: str, value) -> None:
    """Raise InputError unless `value` is a number from 0 to 1."""
    check_number(key, value, 0, whole=False)
    if value > 1:
        raise InputError(f"{key}={value}: expected a number from 0 to 1")


def check_flag(key: str, value) -> None:
    """Raise InputError unless `value` is true or false; yes, no, on and off are text to Hydra."""
    if not isinstance(value, bool):
        raise InputError(f"{key}={value}: expected true or false")


def check_number(key: str, value, least: float, whole: bool = True) -> None:
    """Raise InputError unless `value` is a number (a whole one) of at least `least`."""
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not value >= least:
        kind = "a whole number" if whole else "a number"
        raise InputError(f"{key}={value}: expected {kind} of at least {least}")
