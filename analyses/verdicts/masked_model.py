"""Replacement words drawn from a masked language model, so that they fit their context."""

import os
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from analyses.verdicts.resampling import Resampler
from interpret.errors import InputError
from interpret.modes.evaluating import evaluating
from interpret.subjects.inputs.example import Example
from interpret.subjects.subject import Subject
from interpret.system.refusals import refusing


class MaskedModel(Resampler):
    """Resampler that draws each token of a unit from a masked language model that sees the text without the unit.

    The tokens of a unit are all masked and drawn independently, so words of several tokens can be odd. Special tokens
    are never drawn; the original word can be.

    Source: Replacement by a masked language model as in Kim et al. (2020), arXiv:2010.13984, section 3, who
    marginalise over its candidates; we draw from it.
    """

    def __init__(self, name: str, model: nn.Module, tokenizer: Tokenizer, *, mask_id: int) -> None:
        """Takes a model and its tokenizer, which must be that of the model under examination.

        Args:
            name: Name in reports.
            model: Called as `model(input_ids=ids)`; returns `.logits` over the vocabulary.
            tokenizer: Its tokenizer.
            mask_id: Its mask token.
        """
        self.name = f"masked language model {name}"
        self._model = model
        self._vocabulary = tokenizer.get_vocab()
        self._special = [number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special]
        self._mask_id = mask_id
        self._last: tuple[Example, list[Tensor]] | None = None

    @classmethod
    def load(cls, name: str | os.PathLike[str], subject: Subject) -> "MaskedModel":
        """Loads a model in transformers' format that shares the subject's vocabulary.

        Args:
            name: A folder, or the id of a model on the Hugging Face Hub.
            subject: The model under examination.

        Raises:
            InputError: It can't be loaded, has no mask token, or has another vocabulary.
        """
        from transformers import AutoModelForMaskedLM, AutoTokenizer

        with refusing(f"the masked language model {name} can't be loaded"):
            model = AutoModelForMaskedLM.from_pretrained(name).to(subject.device)
            tokenizer = AutoTokenizer.from_pretrained(name)
        if tokenizer.mask_token_id is None:
            raise InputError(f"{name} has no mask token, so it can't say what else could stand in a place")
        found = cls(os.fspath(name), model, tokenizer.backend_tokenizer, mask_id=tokenizer.mask_token_id)
        if found._vocabulary != subject.tokenizer.get_vocab():
            raise InputError(
                f"{name} cuts texts into other tokens than {subject.name}; give a masked language model with the same "
                "vocabulary, or none"
            )
        return found

    def draw(self, example: Example, unit: int, uniform: Sequence[float]) -> Int[Tensor, "draw token"]:
        """Draws token ids of replacements by the model's probabilities."""
        ends = self._ends(example)[unit]
        numbers = torch.tensor(uniform, dtype=torch.float64)
        count = len(ends)
        columns = [
            torch.searchsorted(each, (numbers + place / count) % 1, right=True).clamp(max=len(each) - 1)
            for place, each in enumerate(ends)
        ]
        return torch.stack(columns, dim=1)

    def _ends(self, example: Example) -> list[Float[Tensor, "token number"]]:
        """Cumulative probabilities of the token ids, for each token of each unit."""
        if self._last is not None and self._last[0] is example:
            return self._last[1]
        ids = example.ids.expand(len(example.units), -1).clone()
        for index, unit in enumerate(example.units):
            ids[index, list(unit.tokens)] = self._mask_id
        with torch.no_grad(), evaluating(self._model):
            logits = self._model(input_ids=ids.to(next(self._model.parameters()).device)).logits.double().cpu()
        logits[..., self._special] = -torch.inf
        shares = logits.softmax(dim=-1)
        found = []
        for index, unit in enumerate(example.units):
            ends = shares[index, list(unit.tokens)].cumsum(dim=-1)
            found.append(ends / ends[:, -1:])
        self._last = (example, found)
        return found
