"""The one exception whose message is written for the person at the keyboard."""


class IsolossError(Exception):
    """Something the user asked for cannot be done; the message says what and how to mend it.

    The message is one line. The command line prints it and exits with code 2; the window shows it
    as a notification. Anything else that escapes is a defect of the program.
    """
