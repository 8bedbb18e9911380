"""One module per command: `guitai/commands/<name>.py` holds `command`, a click command or group.

A module is imported when its command is called (or listed by --help), so it imports the rooms inside its functions.
An underscore in a module's name is a dash on the command line; a name that starts with one is no command.
"""
