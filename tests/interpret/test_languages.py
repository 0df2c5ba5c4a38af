"""Translators of several languages: sources and targets stand behind the codes of their languages."""

import io
import json

import pytest
import sentencepiece
import torch
import transformers
from saved_models import SENTENCES

import interpret
from interpret.subjects.plain_call import PLAIN_CALL

WORDS = ["the", "film", "was", "good", "der", "Film", "war", "gut"]
SIZES = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "init_std": 0.3,
    "max_position_embeddings": 64,
}  # fmt: skip


def pieces():
    made = [(mark, 0.0) for mark in ("<s>", "<pad>", "</s>", "<unk>")]
    made += [(f"▁{word}", -1.0 - place / 10) for place, word in enumerate(WORDS)]
    return [*made, ("▁", -5.0), *((letter, -6.0) for letter in "abcdefghijklmnopqrstuvwxyzF")]


def m2m(folder):
    """As M2M is published: a SentencePiece model, a vocabulary, and no fast tokenizer."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*SENTENCES, " ".join(WORDS)]), model_writer=model, vocab_size=90,
        hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    source = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    known = [source.id_to_piece(index) for index in range(3, source.get_piece_size())]
    numbers = {piece: number for number, piece in enumerate(["<s>", "<pad>", "</s>", "<unk>", *known])}
    (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    return transformers.M2M100Tokenizer(str(folder / "vocab.json"), str(folder / "sentencepiece.bpe.model"))


KINDS = {
    "mbart50": (lambda _: transformers.MBart50TokenizerFast(vocab=pieces()), "MBart", "en_XX", "de_DE"),
    "mbart": (lambda _: transformers.MBartTokenizerFast(vocab=pieces()), "MBart", "en_XX", "de_DE"),
    "nllb": (
        lambda _: transformers.NllbTokenizerFast(vocab={piece: n for n, (piece, _) in enumerate(pieces())}, merges=[]),
        "M2M100",
        "eng_Latn",
        "deu_Latn",
    ),
    "m2m": (m2m, "M2M100", "en", "de"),
}


@pytest.fixture(params=KINDS)
def translator(request, tmp_path):
    make, family, source, target = KINDS[request.param]
    tokenizer = make(tmp_path)
    most = max([len(tokenizer), *(getattr(tokenizer, "lang_token_to_id", {}).values())]) + 1
    config = getattr(transformers, f"{family}Config")(vocab_size=most, decoder_start_token_id=2, **SIZES)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = getattr(transformers, f"{family}ForConditionalGeneration")(config).eval()
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path, model, tokenizer, source, target


@pytest.mark.filterwarnings("ignore")
def test_texts_stand_behind_their_codes(translator):
    folder, model, tokenizer, source, target = translator
    text, written = "the film was good", "der Film war gut"
    with pytest.raises(interpret.InputError, match="that of the target isn't said; give --target-language"):
        interpret.load(folder).encode(text, written)
    tokenizer.src_lang, tokenizer.tgt_lang = source, target
    subject = interpret.load(folder, source_language=source, target_language=target)
    ids = tokenizer(text).input_ids
    wanted = tokenizer(text_target=written).input_ids
    code = tokenizer.convert_tokens_to_ids(f"__{target}__" if target == "de" else target)
    forced = {"forced_bos_token_id": code}
    if wanted[-1] == code:  # which training moves to the front
        wanted, forced = wanted[:-1], {"decoder_start_token_id": code}
    examples = subject.continuation(text, written).examples
    assert [example.expected for example in examples] == wanted
    assert examples[0].ids[: len(ids)].tolist() == ids
    assert [unit.text for unit in examples[0].units] == text.split()
    checks = subject.record(examples[-1])[1]
    assert all(check.passed for check in checks) and PLAIN_CALL in [check.name for check in checks]

    inputs = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        generated = model.generate(**inputs, **forced, num_beams=1, do_sample=False, max_new_tokens=6)
        free = model.generate(**inputs, num_beams=1, do_sample=False, max_new_tokens=6)
    found = subject.continuation(text, most=6).examples
    assert [example.expected for example in found] == generated[0, 1:].tolist()
    assert ~int(found[1].ids[-1]) == found[0].expected and (found[0].expected == code) == (
        "forced_bos_token_id" in forced
    )
    unforced = interpret.load(folder, source_language=source).continuation(text, most=6).examples
    assert [example.expected for example in unforced] == free[0, 1:].tolist()


def test_languages_that_mean_nothing_are_refused(translator, saved):
    folder, *_ = translator
    with pytest.raises(interpret.InputError, match="knows no language 'xx'; it knows"):
        interpret.load(folder, target_language="xx")
    with pytest.raises(interpret.InputError, match="is for text-generation, which translates nothing"):
        interpret.load(saved / "gpt2", target_language="de_DE")
