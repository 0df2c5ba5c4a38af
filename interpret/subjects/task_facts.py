"""Facts of a task that others need to know about a subject."""

from typing import TYPE_CHECKING, ClassVar, Literal

from interpret.errors import InputError

if TYPE_CHECKING:
    from interpret.subjects.inputs.chat import ChatTemplate
    from interpret.subjects.inputs.continuation import Writer

DecisionKind = Literal["label", "label of a word", "span", "next token", "target token"]
LayerKind = Literal["layer", "encoder", "decoder", "cross"]


class TaskFacts:
    """What sets the models of one task apart from those of others; the defaults are those of a text classifier.

    Attributes:
        name: The user's name for the model.
        task: Name of the task, as transformers' pipelines spell it.
        decides: What the decision is: a label of the whole input, the label of one word, a span of the input, the next
            token of a text, or the next token of a translation.
        second_text: Name of the second text, and of the option that gives it; `None` if the task takes none.
        longest: Most tokens that the model can read; `None` without a limit.
        chat: Chat template of the model; `None` if it has none.
        reads_images: True if an input is the path of an image, and its units are patches, which no vocabulary lists.
        answers_messages: True if an input may be a chat message, given a chat template.
        translates: True if the model writes a target for a source, whose words alone are ranked.
        shares_prefixes: True if inputs with the same beginning are read from there on only.
    """

    name: str
    task: str
    decides: ClassVar[DecisionKind] = "label"
    second_text: str | None = None
    longest: int | None = None
    chat: "ChatTemplate | None" = None
    reads_images: ClassVar[bool] = False
    answers_messages: ClassVar[bool] = False
    translates: ClassVar[bool] = False
    shares_prefixes: ClassVar[bool] = False

    @property
    def option_of_second(self) -> str | None:
        """Name of the option that gives what is read after the text; `None` if there is none."""
        return self.second_text

    @property
    def writer(self) -> "Writer":
        """This model as one that writes text.

        Raises:
            InputError: The model writes none; the message gives its task.
        """
        raise InputError(
            f"{self.name} is for {self.task}, which writes no tokens; give a language model or a translator"
        )

    def layer_kind(self, layer: int) -> LayerKind:
        """Stack that an attention call belongs to; "layer" in models of one stack."""
        return "layer"
