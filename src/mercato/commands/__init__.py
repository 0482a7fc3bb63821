"""One module per command of `mercato`: what can be asked and how the answer is shown.

Owns arguments, progress and exit codes. Does not own the work itself, which belongs to the services and the
supervisor. Every module is imported only when its command runs.
"""
