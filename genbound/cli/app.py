"""The `genbound` command: gathers the subcommands and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import Annotated, NoReturn

import typer

import genbound
from genbound.cli import bound, certify, demo, ladder, verify
from genbound.cli.common import BAD_INPUT, console, errors
from genbound.errors import GenboundError

_USAGE = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
"""Wrong options and arguments; typer carries its own copy of click, or uses the installed one, by version."""

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
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    try:
        code = app(args=[a for a in arguments if a != "--debug"], prog_name="genbound", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        _fail("interrupted; the steps that were finished are kept, the same command continues")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except (GenboundError, OSError, MemoryError) as error:
        if debug:
            raise
        _fail(_describe(error))
    except Exception as error:
        if not isinstance(error, _USAGE):
            raise
        error.show()  # type: ignore[attr-defined]
        raise SystemExit(BAD_INPUT) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def _describe(error: BaseException) -> str:
    if isinstance(error, OSError) and error.errno is not None and not isinstance(error, GenboundError):
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return f"cannot write {error.filename or 'a file'}: the disk is full"
        return f"{error.filename or 'file'}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "out of memory: a shorter --context needs less"
    return " ".join(str(error).split())


def _fail(message: str) -> NoReturn:
    errors.print(f"genbound: {message}", style="bold red", markup=False, highlight=False, soft_wrap=True)
    raise SystemExit(BAD_INPUT) from None
