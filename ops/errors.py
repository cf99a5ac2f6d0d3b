"""The one error that a person, not a programmer, is meant to read."""


class InputError(Exception):
    """Something given from outside is wrong: a key, a folder, a file, a box.

    The message is one line that says what was expected where. The commands print it alone and
    leave with exit code 1; everything else that is raised is a defect and keeps its traceback.
    """
