"""Tiny random models with tokenizers of their own, written to a folder as people share them."""

import json
import string
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

SENTENCES = (
    "The cat sat on the mat while the rain kept falling.",
    "A quiet film, slow at first, then suddenly moving.",
    "Nobody at the harbour knew why the old boat had come back.",
    "It's 3.5 degrees; don't forget your gloves, she said.",
    "Their soup was cold and the bread was dry, but the cake was wonderful.",
)
SPECIAL = {"pad_token": "[PAD]", "mask_token": "[MASK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
HEADS: dict[str, Any] = {
    "classifier": AutoModelForSequenceClassification,
    "causal": AutoModelForCausalLM,
    "answering": AutoModelForQuestionAnswering,
    "tagging": AutoModelForTokenClassification,
    "filling": AutoModelForMaskedLM,
}
SIZES: dict[str, Any] = {
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim", "embedding_size", "word_embed_proj_dim"), 32),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "n_layers", "num_layers", "num_key_value_heads"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "hidden_dim"), 48),
    **dict.fromkeys(("max_position_embeddings", "n_positions"), 66),
    **dict(head_dim=8, rotary_dim=8, pad_token_id=0, eos_token_id=1, bos_token_id=2),
}


@cache
def word_pieces() -> Tokenizer:
    """A WordPiece tokenizer as BERT's: lower case, accents off, [CLS] and [SEP] around."""
    splitter = pre_tokenizers.BertPreTokenizer()
    words = {word for sentence in SENTENCES for word, _ in splitter.pre_tokenize_str(sentence.lower())}
    letters = string.ascii_lowercase + string.digits
    pieces = sorted({*letters, *(f"##{letter}" for letter in letters), *string.punctuation, *"“”—", *words})
    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    vocabulary = {piece: index for index, piece in enumerate((*special, *pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(special))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


@cache
def byte_pairs(*, start: bool = False) -> Tokenizer:
    """A byte-level BPE tokenizer as GPT-2's, with <s> in front if `start`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        SENTENCES,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=["<pad>", "<end>", "<s>"],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    if start:
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 2)])
    return tokenizer


@cache
def pieces_with_spaces() -> Tokenizer:
    """A BPE tokenizer as SentencePiece makes them: a visible sign for the space, bytes for unknown characters."""
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>", *fallback]
    tokenizer.train_from_iterator(
        SENTENCES, trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False)
    )
    plain = Tokenizer.from_str(tokenizer.to_str().replace('"special":true', '"special":false'))
    plain.add_special_tokens([AddedToken(token, special=True) for token in ("<unk>", "<s>", "</s>")])
    plain.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return plain


def random_model(kind: str, family: str, tokenizer: Tokenizer, **settings: Any) -> PreTrainedModel:
    """A random model of a family, its weights so large that words matter; `kind` is a key of `HEADS`."""
    known = AutoConfig.for_model(family)
    sizes = {key: value for key, value in SIZES.items() if hasattr(known, key)}
    config = AutoConfig.for_model(
        family, **{**sizes, "vocab_size": tokenizer.get_vocab_size(), "initializer_range": 0.3, **settings}
    )
    head = HEADS[kind]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return head.from_config(config).eval()


def same_weights(model: nn.Module, other: nn.Module) -> bool:
    """Whether two models have the same tensors, to the last bit."""
    weights, others = model.state_dict(), other.state_dict()
    return weights.keys() == others.keys() and all(torch.equal(weights[name], others[name]) for name in weights)


def save_tokenizer(folder: Path, tokenizer: Tokenizer, *, typed: bool = False, **special: str) -> None:
    """Writes tokenizer.json and its config; `special` names special tokens by their role, such as mask_token.

    `typed` has it hand token types to a model, as BERT's does.
    """
    names = ["input_ids", *(["token_type_ids"] if typed else []), "attention_mask"]
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **special)
    made.save_pretrained(folder)


def save_bert(folder: Path, **settings: Any) -> PreTrainedModel:
    """A BERT classifier of "bad" and "good"."""
    settings = {"id2label": {0: "bad", 1: "good"}, "label2id": {"bad": 0, "good": 1}, **settings}
    model = random_model("classifier", "bert", word_pieces(), **settings)
    model.save_pretrained(folder)
    save_tokenizer(folder, word_pieces(), typed=True, **SPECIAL)
    return model


def roberta_pieces() -> Tokenizer:
    """The same words joined as RoBERTa joins them: two separators between texts, and no types."""
    tokenizer = Tokenizer.from_str(word_pieces().to_str())
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def save_answering(folder: Path, family: str = "bert", tokenizer: Tokenizer | None = None) -> PreTrainedModel:
    """A model that answers questions with spans."""
    tokenizer = word_pieces() if tokenizer is None else tokenizer
    model = random_model("answering", family, tokenizer)
    model.save_pretrained(folder)
    save_tokenizer(folder, tokenizer, typed=family == "bert", **SPECIAL)
    return model


def save_gpt2(folder: Path, kind: str = "causal", **settings: Any) -> PreTrainedModel:
    """A GPT-2, as a language model or as a "classifier"; its tokenizer puts nothing around a text."""
    model = random_model(kind, "gpt2", byte_pairs(), **settings)
    model.save_pretrained(folder)
    save_tokenizer(folder, byte_pairs(), pad_token="<pad>", eos_token="<end>")
    return model


def save_llama(folder: Path, kind: str = "causal", **settings: Any) -> PreTrainedModel:
    """A Llama with two key heads for four query heads; its tokenizer puts <s> in front."""
    model = random_model(kind, "llama", byte_pairs(start=True), **settings)
    model.save_pretrained(folder)
    save_tokenizer(folder, byte_pairs(start=True), bos_token="<s>", pad_token="<pad>", eos_token="<end>")
    return model


def save_gguf(path: Path) -> PreTrainedModel:
    """Writes a Llama as llama.cpp stores it: query and key rows in another order, norms and names of its own."""
    from gguf import GGUFWriter

    tokenizer = byte_pairs()
    model = random_model("causal", "llama", tokenizer, tie_word_embeddings=False)
    config = model.config
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    _add_vocabulary(writer, tokenizer)
    for name, weight in model.state_dict().items():
        heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
        stored = weight.numpy()
        if heads:
            stored = stored.reshape(heads, 2, -1, stored.shape[-1]).swapaxes(1, 2).reshape(stored.shape)
        writer.add_tensor(_gguf_name(name), stored.copy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _add_vocabulary(writer: Any, tokenizer: Tokenizer) -> None:
    state = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(state["vocab"], key=state["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if index < 3 else 1 for index in range(len(tokens))])
    writer.add_token_merges([" ".join(merge) if isinstance(merge, list) else merge for merge in state["merges"]])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)


def _gguf_name(name: str) -> str:
    parts = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "lm_head": "output",
        "model.layers": "blk",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    for long, short in parts.items():
        name = name.replace(long, short)
    return name
