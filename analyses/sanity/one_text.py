"""Maps of one decision by several methods: as it is, with shuffled weights, and after changes that don't matter."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from analyses.explanations.attribution import Family
from analyses.explanations.every_method import explained
from analyses.explanations.shared import Shared
from analyses.sanity.changed_inputs import noise_in_vectors, shifted
from analyses.sanity.stages import Stage, embedding_module, stages_of
from analyses.sanity.swapped_weights import in_other_precision, shuffled, swapped_weights
from interpret.errors import CaptureError, InputError
from interpret.modes.gradients_on import gradients_on
from interpret.subjects.deciding import decision_on, finite_logits
from interpret.subjects.decision import Decision
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject

NOISE = 0.2  # standard deviation of the noise, as a share of that of the words' vectors

Maps = dict[str, Float[np.ndarray, " unit"]]  # scores of each method


@dataclass(frozen=True, eq=False)
class OneText:
    """One decision, and the methods that explain it.

    Attributes:
        subject: The model, as one of this decision.
        example: The input.
        target: The label that is explained.
        methods: Names of the methods, or of a set of them.
        seed: Seed of everything random.
        eraser: How methods take units out; by default the first of `subject.erasers`.
        left_out: Names of methods and changes that don't work, each with the reason; more are added.
        families: What each method is based on; more are added.
    """

    subject: Subject
    example: Example
    target: int
    methods: Sequence[str] | str
    seed: int
    eraser: str | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    families: dict[str, Family] = field(default_factory=dict)

    def maps(self) -> Maps:
        """Explains the decision by each method that works on the model."""
        decision = self._decision()
        shared = Shared(self.subject, self.example, decision, eraser=self.eraser)
        found = explained(self.subject, self.example, decision, self.methods, shared=shared)
        self.families.update({each.method: each.family for each in found.attributions})
        self.left_out.update(found.left_out)
        return {each.method: each.scores.detach().float().cpu().numpy() for each in found.attributions}

    def attempted(self, change: str, explain: Callable[[], Maps]) -> Maps:
        """Returns the maps after a change; none, with the reason in `left_out`, if the changed model can't answer."""
        try:
            return explain()
        except (CaptureError, InputError, RuntimeError) as error:
            self.left_out[change] = str(error)
            return {}

    def stages(self) -> tuple[Stage, ...]:
        """Returns the parts of the model, from the top down."""
        return stages_of(self.subject, self.example)

    def while_shuffled(self, stages: Sequence[Stage], draw: int) -> Iterator[Maps]:
        """Yields the maps with more and more of the model shuffled, from the top down.

        Args:
            stages: Its parts.
            draw: Number of the draw, from 0.
        """
        generator = torch.Generator().manual_seed(self.seed + draw)
        weights: dict[nn.Parameter, Tensor] = {}
        clean = finite_logits(self.subject, self.example.ids[None])
        for stage in stages:
            weights |= shuffled(stage.parameters, generator)
            with swapped_weights(weights):
                maps = self.attempted(f"shuffled down to {stage.name}", lambda: self._other_maps(clean))
            yield maps

    def _other_maps(self, clean: Float[Tensor, "1 label"]) -> Maps:
        """Maps of a model with shuffled weights.

        Raises:
            InputError: It decides as before to the last bit, so its maps can't tell whether methods look at it.
        """
        if torch.equal(finite_logits(self.subject, self.example.ids[None]), clean):
            raise InputError(
                "the model decides with shuffled weights as with its own, so they aren't what it computes with, and it "
                "can't be told whether a method is blind to them"
            )
        return self.maps()

    def smooth(self, noises: int, *, is_shuffled: bool) -> Maps:
        """Averages maps over noise in the words' vectors, of the model as it is or with all weights shuffled."""
        return self.attempted("smooth", lambda: self._smooth(noises, is_shuffled))

    def _smooth(self, noises: int, is_shuffled: bool) -> Maps:
        generator = torch.Generator().manual_seed(self.seed)
        module, runs = embedding_module(self.subject, self.example), []
        with swapped_weights(shuffled(self.subject.model.parameters(), generator) if is_shuffled else {}):
            for number in range(noises):
                with noise_in_vectors(module, NOISE, self.seed + number):
                    runs.append(self.maps())
        there = [name for name in runs[0] if all(name in run for run in runs)]
        return {name: np.mean([run[name] for run in runs], axis=0) for name in there}

    def changed(self) -> dict[str, Maps]:
        """Returns the maps after each of the changes that `CHECKS` names."""
        changes = {
            "other_label": self._with_other_label,
            "shift": self._with_shift,
            "seed": self._with_other_seed,
            "precision": self._in_other_precision,
            "spacing": self._with_more_space,
            "batch": self._one_by_one,
        }
        return {name: self.attempted(name, explain) for name, explain in changes.items()}

    @gradients_on()
    def _decision(self) -> Decision:
        """The decision by the number of its label; names of labels needn't be unique."""
        ids = self.example.ids[None]
        logits, readout = finite_logits(self.subject, ids)[0], self.subject.readouts(ids, [self.target])[0]
        return decision_on(self.subject, self.example, logits, self.target, readout)

    def _with_other_label(self) -> Maps:
        logits = finite_logits(self.subject, self.example.ids[None])[0]
        others = [label for label in logits.isfinite().nonzero()[:, 0].tolist() if label != self.target]
        chosen = torch.randint(len(others), (1,), generator=torch.Generator().manual_seed(self.seed))
        return replace(self, target=others[int(chosen)]).maps()

    def _with_shift(self) -> Maps:
        with torch.no_grad():
            vectors = self.subject.embed(self.example.ids[None])[0].float()
        shift = vectors.std() * torch.randn(vectors.shape[-1:], generator=torch.Generator().manual_seed(self.seed)).to(
            vectors
        )
        return replace(self, subject=shifted(self.subject, shift)).maps()

    def _with_other_seed(self) -> Maps:
        with torch.random.fork_rng():
            torch.manual_seed(self.seed + 1)
            return self.maps()

    def _in_other_precision(self) -> Maps:
        with swapped_weights(in_other_precision(self.subject.model)):
            return self.maps()

    def _with_more_space(self) -> Maps:
        texts = [text.replace(" ", "  ") for text in self.example.texts]
        wider = self.subject.encode(*texts) if texts else self.example
        if not texts or self._question(wider) != self._question(self.example):
            raise InputError(
                "with more space between its words, the input has none, or other words or another question, so there "
                "is nothing to compare"
            )
        return replace(self, example=wider).maps()

    def _question(self, example: Example) -> tuple[object, ...]:
        """Words, what is expected, and how long texts are that follow the first."""
        return example.words, example.expected, self.subject.lengths(example)[1:]

    def _one_by_one(self) -> Maps:
        with self.subject.at_most_tokens(len(self.example.ids)):
            return self.maps()
