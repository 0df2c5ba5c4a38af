"""Pages of methods: what is common to them comes from the registry and from docstrings."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from analyses.explanations.built_in import BUILT_IN, LEAVE_ONE_OUT
from analyses.explanations.methods import about_method
from interpret.subjects.nouns import WORDS

TEXT = "Slow at first, then wonderful."


class Explanation(SphinxDirective):
    """What the registry says of an explanation, and its scores on a text beside leave-one-out."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Returns the sentence, the line that runs it, and its picture."""
        name = self.arguments[0]
        if not about_method(name):
            raise ExtensionError(f"{self.get_location()}: no method is called {name!r}")
        self.env.methods_with_pages.add(name)
        lines = [
            WORDS.say(about_method(name)),
            "",
            "```{code-cell}",
            "import interpret",
            "from analyses import explain",
            "",
            "subject = interpret.load()",
            f'example = subject.encode("{TEXT}")',
            f'explain(subject, example, "{name}")',
            "```",
        ]
        if name != LEAVE_ONE_OUT:
            lines += [
                "",
                "To compare, the fall of the margin without each word:",
                "",
                "```{code-cell}",
                ":tags: [remove-input]",
                f'explain(subject, example, "{LEAVE_ONE_OUT}")',
                "```",
            ]
        return self.parse_text_to_nodes("\n".join(lines))


def require_all(app: Sphinx, env: BuildEnvironment) -> None:
    """Ends the build where a method has no page."""
    missing = {method.name for method in BUILT_IN} - env.methods_with_pages
    if missing:
        raise ExtensionError(f"methods without a page in docs/methods: {', '.join(sorted(missing))}")


def setup(app: Sphinx) -> None:
    """Adds the directive and the check."""
    app.connect("builder-inited", lambda app: setattr(app.env, "methods_with_pages", set()))
    app.connect("env-check-consistency", require_all)
    app.add_directive("explanation", Explanation)
