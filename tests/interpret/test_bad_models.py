"""Models that can't be explained: no usable tokenizer, or attention out of reach. One line says which and why."""

from typing import Any

import pytest
from bad_files import refused, refused_like
from saved_models import byte_pairs, random_model, save_tokenizer, word_pieces
from torch import nn

from interpret.errors import InputError
from interpret.subjects.models.probing import READABLE
from interpret.subjects.tasks.language_model import NextToken


def test_a_folder_without_a_tokenizer(bert_folder):
    (bert_folder / "tokenizer.json").unlink()
    wanted = (
        f"{bert_folder} has no tokenizer: there must be a tokenizer.json; save the model's tokenizer into the folder"
    )
    refused(bert_folder, wanted)
    (bert_folder / "vocab.json").write_text("{}")
    refused(bert_folder, wanted)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"version": "1.0", "model": {"type": "None"}}'])
def test_a_damaged_tokenizer(bert_folder, content):
    (bert_folder / "tokenizer.json").write_text(content)
    refused_like(bert_folder, f"the tokenizer in {bert_folder} can't be loaded: ")


def test_a_tokenizer_that_knows_no_words(bert_folder):
    (bert_folder / "tokenizer.json").unlink()
    (bert_folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}')
    (bert_folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n")
    refused(
        bert_folder,
        f"the tokenizer of {bert_folder} knows no words; put the tokenizer files of this model into its folder",
    )


def test_a_tokenizer_that_is_not_fast(bert_folder):
    (bert_folder / "tokenizer.json").unlink()
    (bert_folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PhobertTokenizer"}')
    (bert_folder / "vocab.txt").write_text("cat 5\nsat 4\n")
    (bert_folder / "bpe.codes").write_text("#version: 0.2\nc a 5\n")
    refused(
        bert_folder,
        f"{bert_folder} has no fast tokenizer (its PhobertTokenizer doesn't say where in the text its tokens stand); "
        "save one as tokenizer.json, or use another model",
    )


UNREADABLE = {"mamba": ("causal", "MambaForCausalLM"), "rwkv": ("causal", "RwkvForCausalLM")}


@pytest.mark.parametrize("family", UNREADABLE)
def test_architectures_whose_attention_can_not_be_read(tmp_path, family):
    kind, architecture = UNREADABLE[family]
    tokenizer = byte_pairs() if kind == "causal" else word_pieces()
    random_model(kind, family, tokenizer).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, tokenizer)
    refused(
        tmp_path,
        f"{tmp_path} ({architecture}) has no attention that can be read: nothing in it goes through transformers' "
        f"attention interface or a kernel of PyTorch's, or is a softmax of scores that meets values; models such as "
        f"{READABLE} work",
    )


def test_architectures_of_which_only_some_layers_can_be_read(tmp_path):
    kinds = ["conv", "full_attention"]
    random_model("causal", "lfm2", byte_pairs(), layer_types=kinds).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, byte_pairs())
    refused(
        tmp_path,
        f"{tmp_path} (Lfm2ForCausalLM) has attention that can be read in 1 of its 2 layers only, so its maps would "
        f"leave out what the others do; models such as {READABLE} work",
    )


def test_architectures_whose_layers_compute_attention_more_than_once(tmp_path):
    random_model("causal", "diffllama", byte_pairs()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, byte_pairs())
    refused(
        tmp_path,
        f"{tmp_path} (DiffLlamaForCausalLM) computes attention 4 times in its 2 layers, more than once in one of them, "
        f"so its maps are no chain of layers to follow; models such as {READABLE} work",
    )


def test_architectures_that_read_token_vectors_otherwise(tmp_path):
    random_model("classifier", "longformer", word_pieces()).save_pretrained(tmp_path)
    save_tokenizer(tmp_path, word_pieces())
    refused(
        tmp_path,
        f"{tmp_path} (LongformerForSequenceClassification) can't be run from token vectors, which gradients need: "
        "the model doesn't look its token ids up in its table of token vectors as they are",
    )


def test_a_model_that_does_not_run():
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(9, 4)

        def get_input_embeddings(self) -> nn.Module:
            return self.embedding

        def forward(self, input_ids: Any) -> None:
            raise RuntimeError("needs pixels\nas well")

    with pytest.raises(InputError, match=r"^broken \(Broken\) doesn't run on token ids alone: needs pixels$"):
        NextToken("broken", Broken(), byte_pairs())
