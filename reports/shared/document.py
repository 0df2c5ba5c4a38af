"""Templates and assets of every page, and its content security policy."""

import base64
import hashlib
from functools import cache
from importlib import resources

import jinja2

from interpret.subjects.nouns import WORDS
from reports.shared import error_rate, notation
from reports.shared.what_to_read import in_type, instead_lead


@cache
def asset(name: str) -> str:
    """Returns a style sheet or script of the package, as text."""
    return (resources.files("reports") / "assets" / name).read_text("utf-8")


def policy(style: str, script: str = "", *, images: bool = False) -> str:
    """Returns a content security policy that admits only a page's own style sheet and script.

    Args:
        style: The only style sheet of the page.
        script: Its only script; without one, none is admitted.
        images: Whether embedded pictures are admitted.
    """
    scripts = f" script-src {_hash(script)};" if script else ""
    pictures = " img-src data:;" if images else ""
    return f"default-src 'none'; style-src {_hash(style)};{scripts}{pictures} base-uri 'none'; form-action 'none'"


@cache
def environment() -> jinja2.Environment:
    """Makes the template environment: every text is escaped, and an undefined name is an error."""

    def load(name: str) -> tuple[str, str, None]:
        return (resources.files("reports") / "templates" / name).read_text("utf-8"), name, None

    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(load),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(number=notation.number, percent=notation.percent, p_value=notation.p_value)
    made.globals.update(error_rate=error_rate.sentence, nouns=WORDS, instead_lead=instead_lead, in_type=in_type)
    return made


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
