"""The commands, a module each: ``register(command)`` tells ``kws.cli`` how it is called.

A command imports what it needs when it runs, so that ``kws --help`` is there at once.
"""
