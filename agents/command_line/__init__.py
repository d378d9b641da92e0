"""The command line of `python -m agents`, which the scripts share.

A command is a program that puts the packages together. So, unlike the library, it may import all three packages and
what the extra `train` installs; and no module of the library imports it.
"""
