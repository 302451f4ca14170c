"""The `genbound` command: gathers the subcommands and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, Any, NoReturn

import typer

import genbound
from genbound.cli import bound, certify, check, claims, demo, derive, ladder, verify
from genbound.cli.common import BAD_INPUT, console, errors
from genbound.errors import GenboundError

_USAGE = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
"""Wrong options and arguments; typer carries its own copy of click, or uses the installed one, by version."""

_CLICK_INTERRUPTED = 130
"""What some versions of typer return after a KeyboardInterrupt; others raise Abort."""

_INTERRUPTED = "interrupted; the steps that were finished are kept, the same command continues"
_OUT_OF_MEMORY = "out of memory: a shorter --context, or fewer --windows, needs less"

app = typer.Typer(
    name="genbound",
    help="Generalization bounds for language models: derived, certified and measured on real models.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("certify")(certify.command)
app.command("verify")(verify.command)
app.command("bound")(bound.command)
app.command("demo")(demo.command)
app.command("check")(check.command)
app.command("derive")(derive.command)
app.add_typer(claims.app, name="claims", help="Every statement, how strongly it is supported, and by what.")
app.add_typer(ladder.app, name="ladder", help="The shipped model ladder: list it, or train it again.")


def _version(asked: bool) -> None:
    if asked:
        console.print(f"genbound {genbound.__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options that stand before the command; --debug may stand anywhere."""


def main() -> None:
    """Run the command line; exit 0, or 2 with one line that says what was wrong and why."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on a shared machine, waiting threads let others work
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        code = app(args=[a for a in arguments if a != "--debug"], prog_name="genbound", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        _fail(_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except (GenboundError, OSError, MemoryError) as error:
        if debug:
            raise
        _fail(_describe(error))
    except Exception as error:
        if isinstance(error, _USAGE):
            _explain_usage(error)
        if debug or not (isinstance(error, RuntimeError) and "memory" in str(error) and "alloca" in str(error)):
            raise
        _fail(_OUT_OF_MEMORY)
    if code == _CLICK_INTERRUPTED:
        _fail(_INTERRUPTED)
    raise SystemExit(code if isinstance(code, int) else 0)


def _explain_usage(error: Any) -> NoReturn:
    """One line for wrong options and arguments; the whole help where none were given."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        raise SystemExit(BAD_INPUT) from None
    path = error.ctx.command_path if getattr(error, "ctx", None) is not None else "genbound"
    message = " ".join(error.format_message().split()).rstrip(".")
    _fail(f"{message[:1].lower()}{message[1:]} (see {path} --help)")


def _describe(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, GenboundError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"cannot write {error.filename or 'a file'}: the disk is full"
        return f"{error.filename or 'file'}: {error.strerror}"
    if isinstance(error, MemoryError):
        return _OUT_OF_MEMORY
    return " ".join(str(error).split())


def _fail(message: str) -> NoReturn:
    errors.print(f"genbound: {message}", style="bold red", markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(BAD_INPUT) from None
