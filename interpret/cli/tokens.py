"""`interpret analyze` on several tokens, each of which is one decision."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from interpret.cli.options import shown
from interpret.cli.progress import cost_line
from interpret.errors import InputError

if TYPE_CHECKING:
    from analyses.generation.schema import StepDict, StepsDict

EVERY = "all"
LONGEST_NUMBER = 18  # digits; Python refuses to parse thousands of them


class PositionType(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.2 only
    """A number from 1 on, or "all"."""

    name = "number or all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Converts the value; fails for any other."""
        if value == EVERY:
            return EVERY
        if not str(value).isdecimal() or len(str(value)) > LONGEST_NUMBER or int(value) < 1:
            self.fail(f"{value!r} is neither a number from 1 on nor {EVERY!r}.", param, ctx)
        return int(value)


@dataclass(frozen=True)
class Tokens:
    """Options that choose the tokens to explain.

    Attributes:
        generate: Maximum number of tokens to generate; `None` without `--generate`.
        continuation: The given continuation; `None` without `--continuation`.
        every: True if all tokens of a target are explained.
        no_verdict: True if verdicts are left out.
    """

    generate: int | None
    continuation: str | None
    every: bool
    no_verdict: bool

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Tokens":
        """Removes these options from `options`, and checks that they fit the others.

        Raises:
            InputError: Some of the options are for one decision, and others for several.
        """
        every = options["position"] == EVERY
        asked = cls(options.pop("generate"), options.pop("continuation"), every, options.pop("no_verdict"))
        if asked.several:
            asked._require_fitting(options)
        elif asked.no_verdict:
            raise InputError("--no-verdict is for several tokens; add --generate, --continuation or --position all")
        return asked

    @property
    def several(self) -> bool:
        """True if more than one decision is explained."""
        return self.every or self.generate is not None or self.continuation is not None

    def read(self, subject: Any, text: str, second: str | None, options: dict[str, Any]) -> Any:
        """Returns a text and the tokens that follow it.

        Args:
            subject: The model.
            text: The text.
            second: The continuation, if given.
            options: Further options of `subject.continuation`.

        Raises:
            InputError: The model generates no text.
        """
        return subject.writer.continuation(text, second, most=self.generate, **options)

    def _require_fitting(self, options: dict[str, Any]) -> None:
        if self.generate is not None and self.continuation is not None:
            raise InputError("--continuation gives what follows, so --generate has nothing to write; use one of them")
        if options["position"] not in (None, EVERY):
            raise InputError("--position N is about one token, and several are asked for; leave it out")
        for name in ("target", "against"):
            if options[name] is not None:
                raise InputError(
                    f"--{name} is about one decision, and several tokens are explained; give the tokens by "
                    "--continuation or --target-text"
                )
        if options["figures"] is not None:
            raise InputError("--figures are made of one decision, and several tokens are explained; leave it out")
        if options["effort"] != "standard":
            raise InputError(
                f"--{options['effort']} sets random orders and search steps, which several tokens don't use; leave it "
                "out, or save time with --no-verdict"
            )


def summary(found: "StepsDict", out: Any) -> str:
    """Summary with one line for each token."""
    who = "written by the model" if found["generated"] else "given"
    head = ("token", "probability", "margin", "attention", "looks at most", "depends on most")
    rows = [head, *(_row(found, step) for step in found["steps"])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    count = len(found["steps"])
    head_line = f"{count} token{'s' if count > 1 else ''}, {who}"
    return "\n".join([head_line, *lines, cost_line(found["run"]), f"report     {out}"])


def _row(found: "StepsDict", step: "StepDict") -> tuple[str, ...]:
    decision, verdict = step["decision"], step["verdict"]
    return (
        shown(decision["label"]),
        f"{decision['probability']:.3f}",
        f"{decision['margin']:.2f}",
        "not tested" if verdict is None else verdict["answer"],
        *(_first(found, step, method) for method in ("last-layer attention", "leave-one-out")),
    )


def _first(found: "StepsDict", step: "StepDict", method: str) -> str:
    """Word that a map ranks first."""
    scores = next(each["scores"] for each in step["maps"] if each["method"] == method)
    text: str = found["units"][scores.index(max(scores))]["text"]
    return text
