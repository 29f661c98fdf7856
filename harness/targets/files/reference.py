"""Secrets by reference: a file names the place of a secret, which is read only when it is used."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.errors import ConfigurationError

_VARIABLE: Final = re.compile("[A-Za-z_][A-Za-z0-9_]*")


class Reference(BaseModel):
    """One of `{env: NAME}`, `{file: PATH}`, `{command: WORDS}`."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    env: str = Field(default="", description="the name of an environment variable")
    file: str = Field(default="", description="the path of a file that contains the secret")
    command: str = Field(default="", description="a command line that prints the secret")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.env and _VARIABLE.fullmatch(self.env) is None:  # the value is not shown: it may be the secret itself
            raise ValueError("the name of an environment variable in `env`, such as `DATABASE_DSN`, not its value")
        if sum(map(bool, (self.env, self.file, self.command))) != 1:
            raise ValueError("exactly one of `env`, `file`, `command`")
        return self

    def __str__(self) -> str:
        return next(f"{kind} {value}" for kind, value in self if value)

    def resolve(self) -> str:
        """The secret, without surrounding white space.

        Raises:
            ConfigurationError: the secret does not exist or is empty. The message contains the place but never the
                value.
        """
        secret = self._read().strip()
        if not secret:
            raise ConfigurationError(
                "the secret does not exist or is empty",
                where=str(self),
                hint="set the secret, or write another place into the target file",
            )
        return secret

    def _read(self) -> str:
        if self.env:
            return os.environ.get(self.env, "")
        try:
            if self.file:
                return Path(self.file).expanduser().read_text(encoding="utf-8")
            done = subprocess.run(shlex.split(self.command), capture_output=True, text=True, timeout=30, check=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigurationError(f"the secret cannot be read ({type(error).__name__})", where=str(self)) from error
        except subprocess.TimeoutExpired as error:
            raise ConfigurationError("the command took longer than 30 s", where=str(self)) from error
        if done.returncode != 0:
            raise ConfigurationError(f"the command ended with exit code {done.returncode}", where=str(self))
        return done.stdout
