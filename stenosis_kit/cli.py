"""The command line: exit codes and messages. `arguments` says what commands understand, `commands` what they do.

Exit codes: 0 done; 1 done, but the answer is no (adopt, check, doctor, submit); 2 wrong use or unusable input; 130 and
143 after SIGINT and SIGTERM; 141, as after SIGPIPE, where the reader of its output left before it had an answer.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from stenosis_kit.arguments import Arguments, parse
from stenosis_kit.base.budget import Budget, process_age
from stenosis_kit.base.console import end_on_signals, log_to_stderr, settle
from stenosis_kit.base.errors import InputError, system_error


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code; no traceback reaches the user."""
    budget = Budget(spent=process_age() if arguments is None else 0.0)  # notes when the command began
    settle()
    chosen = parse(arguments)
    chosen.started = budget
    log_to_stderr()
    end_on_signals()
    code = 141
    try:
        with _reserved(chosen):
            code = chosen.run(chosen)
        sys.stdout.flush()
    except InputError as error:
        return _refuse(chosen, str(error))
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        return _refuse(chosen, system_error(error))
    except Exception as error:
        if os.environ.get("STENOSIS_KIT_DEBUG"):
            raise
        please = "Please report it; STENOSIS_KIT_DEBUG=1 shows where it happened."
        return _refuse(chosen, f"unexpected {type(error).__name__}: {error}\n{please}")
    return code


def _refuse(chosen: Arguments, why: str) -> int:
    """Says why a command came to nothing, if anybody is there to read it."""
    with suppress(OSError):
        print(f"stenosis-kit {chosen.command}: {why}", file=sys.stderr)
    return 2


@contextmanager
def _reserved(chosen: Arguments) -> Iterator[None]:
    """Keeps the folder that a command writes for it alone, and clears what killed runs left half written."""
    from stenosis_kit.base.files import remove_stale, run_json_of
    from stenosis_kit.base.lock import locked

    for path in filter(None, (getattr(chosen, name, None) for name in ("output", "json"))):
        remove_stale(path)
        remove_stale(run_json_of(path))
    with ExitStack() as held:
        for folder in _written(chosen):
            held.enter_context(locked(folder))
        yield


def _written(chosen: Arguments) -> list[Path]:
    """The folders that a command writes for it alone; of submit also those of an earlier run's format and train."""
    own = [getattr(chosen, chosen.writes)] if chosen.writes else []
    inner = [own[0] / name for name in ("store", "model")] if chosen.command == "submit" else []
    return [*own, *(folder for folder in inner if folder.is_dir())]
