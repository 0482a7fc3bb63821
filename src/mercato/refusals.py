"""The base of errors that an operator reads: settings, the machine, the command line."""


class Refusal(Exception):
    """Mercato cannot do what the operator asked; the message is one line that names the cure.

    Everything else that ends a command is a defect and shows its traceback.
    """
