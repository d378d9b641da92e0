"""How a program ends when something is wrong: with one line of text, and without a traceback."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from glimpse_env.utils.interruption import SIGNALS, Interrupted, Interruption


@contextmanager
def one_line_errors(*errors: type[Exception]) -> Iterator[None]:
    """Ends the program with one line of text where the block raises one of some errors, or a signal comes.

    The exit status is 1 after an error, and 128 + the signal after SIGINT (Ctrl-C), SIGTERM or SIGHUP. After a signal
    the program ignores all others to its very end.

    Args:
        *errors: The errors that the user can do something about. Others are faults of ours and keep their traceback.

    Raises:
        SystemExit: One of them was raised, or a signal came.
    """
    with ExitStack() as stack:
        interruption = stack.enter_context(Interruption(at_once=True))
        try:
            yield
        except Interrupted as error:
            with suppress(OSError):  # the terminal may be closed
                print(error, file=sys.stderr, flush=True)
            sys.exit(error.exit_status)
        except errors as error:
            sys.exit(f"error: {error}")
        finally:
            if interruption.is_ending:
                # Handlers of ours would end before the process does.
                stack.pop_all()
                for number in SIGNALS:
                    signal.signal(number, signal.SIG_IGN)
