"""Word heat maps, against diffusers' own attention scores, enlarged and added one map at a time."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

from analyses.diffusion.word_heat_maps import word_heat_maps
from interpret.errors import CaptureError, InputError

pytest.importorskip("diffusers", reason="diffusers, an optional extra of this package, isn't installed")
from tiny_pipelines import tiny_stable_diffusion

PROMPT = "a Cat, dogs on x"
WORDS = {"a": [1], "Cat": [2], ",": [3], "dogs": [4, 5, 6], "on": [7, 8], "x": [9]}  # places of their tokens


def painted_by_scores(prompt, *, steps, guidance, height, width, seed):
    """The image, and what each token was attended to from each pixel, by processors that keep their scores."""
    from diffusers.models.attention_processor import AttnProcessor

    pipeline, kept = copy.deepcopy(tiny_stable_diffusion()), []

    class Keeping(AttnProcessor):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def __call__(self, attn, hidden_states, encoder_hidden_states=None, *args, **kwargs):
            if encoder_hidden_states is not None and "mid_block" not in self.name:
                query = attn.head_to_batch_dim(attn.to_q(hidden_states))
                key = attn.head_to_batch_dim(attn.to_k(encoder_hidden_states))
                scores = attn.get_attention_scores(query, key)
                kept.append(scores.view(len(hidden_states), attn.heads, *scores.shape[1:])[-1])
            return super().__call__(attn, hidden_states, encoder_hidden_states, *args, **kwargs)

    pipeline.unet.set_attn_processor({name: Keeping(name) for name in pipeline.unet.attn_processors})
    image = pipeline(
        prompt, num_inference_steps=steps, guidance_scale=guidance, height=height, width=width,
        generator=torch.Generator().manual_seed(seed),
    ).images[0]  # fmt: skip
    sizes = {height * width // by**2: (height // by, width // by) for by in (2, 4)}  # of the latent, and half of it
    total = torch.zeros(pipeline.tokenizer.model_max_length, height, width)
    for scores in kept:
        for head in scores:
            for token in range(len(total)):
                small = head[:, token].reshape(1, 1, *sizes[len(head)])
                total[token] += functional.interpolate(small, size=(height, width), mode="bicubic")[0, 0]
    return image, total, sum(len(scores) for scores in kept)


@pytest.mark.parametrize(("guidance", "height", "width"), [(7.5, 16, 16), (1.0, 16, 24)])
def test_maps_are_those_of_diffusers_own_scores(guidance, height, width):
    options = {"steps": 2, "guidance": guidance, "height": height, "width": width, "seed": 3}
    found = word_heat_maps(tiny_stable_diffusion(), PROMPT, **options)
    image, total, count = painted_by_scores(PROMPT, **options)
    assert [unit.text for unit in found.words] == list(WORDS)
    for place, tokens in enumerate(WORDS.values()):
        torch.testing.assert_close(found.heat[place], total[tokens].mean(dim=0), rtol=1e-4, atol=1e-4)
    assert found.maps == count and found.steps == 2
    expected = torch.tensor(list(image.convert("RGB").tobytes())).view(height, width, 3)
    assert int((found.image.int() - expected.int()).abs().max()) <= 1  # the fused kernel rounds otherwise


def test_all_tokens_together_have_all_attention():
    """Rows over all tokens sum to 1, so the words' tokens can't have more than one for each map."""
    found = word_heat_maps(tiny_stable_diffusion(), PROMPT, steps=1)
    tokens = torch.tensor([len(places) for places in WORDS.values()])
    share = (found.heat * tokens[:, None, None]).sum(dim=0) / found.maps
    assert float(share.min()) > 0.3 and float(share.max()) < 1
    uniform = float(share.mean()) / (int(tokens.sum()) / 16)
    assert 0.8 < uniform < 1.25  # random weights hardly tell tokens apart


def test_the_pipeline_is_left_as_it_was_and_the_seed_decides():
    pipeline = tiny_stable_diffusion()
    before = {name: weight.clone() for name, weight in pipeline.unet.named_parameters()}
    first, again, other = (word_heat_maps(pipeline, PROMPT, steps=2, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.heat, again.heat) and torch.equal(first.image, again.image)
    assert not torch.equal(first.image, other.image)
    assert all(torch.equal(before[name], weight) for name, weight in pipeline.unet.named_parameters())
    modules = list(pipeline.unet.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in modules)


def test_a_word_by_its_text():
    found = word_heat_maps(tiny_stable_diffusion(), "cat x cat", steps=1)
    torch.testing.assert_close(found.of("cat"), found.heat[0] + found.heat[2])
    with pytest.raises(InputError) as error:
        found.of("dog")
    assert str(error.value) == "the prompt has no word 'dog'; it has cat, x, cat"


def test_what_is_no_such_pipeline_is_refused():
    wanted = (
        "word heat maps need a text-to-image pipeline of diffusers whose unet attends to the prompt, such as "
        "StableDiffusionPipeline; "
    )
    with pytest.raises(InputError) as error:
        word_heat_maps(nn.Linear(1, 1), PROMPT)
    assert str(error.value) == wanted + "Linear has no unet"
    pipeline = copy.copy(tiny_stable_diffusion())
    with pytest.raises(InputError, match=r"^the text is empty"):
        word_heat_maps(pipeline, " ")
    with pytest.raises(InputError) as error:
        word_heat_maps(pipeline, "a b c d e f g h i j k l m n o p")
    assert str(error.value) == "the prompt has 18 tokens, 2 more than the 16 that are read"


def test_maps_that_can_not_be_laid_over_the_image_are_refused():
    pipeline = copy.deepcopy(tiny_stable_diffusion())
    inner = pipeline.unet.forward
    pipeline.unet.forward = lambda sample, time, encoder_hidden_states, **options: inner(
        sample, time, encoder_hidden_states[:, :9], **options
    )
    with pytest.raises(CaptureError) as error:
        word_heat_maps(pipeline, PROMPT, steps=1)
    assert str(error.value) == (
        "down_blocks.0.attentions.0.transformer_blocks.0.attn2 attends from 64 places to 9 tokens, where the prompt "
        "has 16 and the image 64, 16, 4, 1 at its sizes; its maps can't be laid over the image"
    )
