"""Doses of what makes attention a bad explanation in a planted model, such as a bypass or noise."""

from dataclasses import dataclass

from interpret.errors import InputError


@dataclass(frozen=True)
class Doses:
    """Amounts set by hand; `None` keeps those of the family and the seed.

    Attributes:
        bypass: Share of the decision that goes round the last layer's attention, 0 to 1: sd of the bypass over the
            sum of both sds. Above 0 it needs two layers.
        decoy: Share of the last layer's attention on words that is on decoy words, mean over heads, above 0 and
            below 1. Decoy words have no evidence.
        noise: Sd of the noise in the scores over the sd of the scores without it, over words; their sum is
            made as sharp as the scores were.
        displaced: Share of the attention on evidence that stands one word beside it, where the evidence is moved, too,
            0 to 1: of each text's strongest word and the word after it, mean over texts. It needs two layers.
        sink: Share of the row on the first and last token together, above 0 and below 1.
        length: Words in a text: a number, or from and to.
    """

    bypass: float | None = None
    decoy: float | None = None
    noise: float | None = None
    displaced: float | None = None
    sink: float | None = None
    length: int | tuple[int, int] = (20, 40)

    def __post_init__(self) -> None:
        for name, share in (("bypass", self.bypass), ("displaced", self.displaced)):
            if share is not None and not 0 <= share <= 1:
                raise InputError(f"the dose {name} must be a share from 0 to 1, not {share}")
        for name, share in (("decoy", self.decoy), ("sink", self.sink)):
            if share is not None and not 0 < share < 1:
                raise InputError(f"the dose {name} must be a share above 0 and below 1, not {share}")
        if self.noise is not None and not 0 <= self.noise < float("inf"):
            raise InputError(f"the dose noise must be at least 0, not {self.noise}")
        fewest, most = self.lengths
        if not LENGTHS[0] <= fewest <= most <= LENGTHS[1]:
            raise InputError(f"texts must have {LENGTHS[0]} to {LENGTHS[1]} words, not {self.length}")

    @property
    def lengths(self) -> tuple[int, int]:
        """Fewest and most words in a text."""
        return (self.length, self.length) if isinstance(self.length, int) else self.length


LENGTHS = (2, 66)  # with the first and last token, 68 positions
