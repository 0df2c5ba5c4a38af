"""What an analysis of a long text reads of attention is never held as a whole map, measured from outside."""

import subprocess
import sys
from pathlib import Path

LONG = """
import resource, sys
import torch
from subjects_for_tests import VOCABULARY, ToySubject
from transformers import LlamaConfig, LlamaForCausalLM
from analyses.explanations.attention_only.last_layer import last_layer_attention
from analyses.decision.attention_statistics import attention_statistics
from analyses.explanations.gradient_based.chefer_relevance import chefer_relevance
from analyses.verdicts.every_head import head_rows
from analyses.heads.gradients import head_gradients
from analyses.decision.kept_attention import PooledMaps, keeping_reader
from interpret.interventions.decision_row import read_row

torch.set_num_threads(1)
config = LlamaConfig(
    vocab_size=len(VOCABULARY), hidden_size=64, num_hidden_layers=2, num_attention_heads=8, num_key_value_heads=2,
    intermediate_size=96, max_position_embeddings=4096, bos_token_id=5, eos_token_id=3, pad_token_id=0,
)
subject = ToySubject(LlamaForCausalLM(config).eval(), before=("<s>",), after=(), mask=False, is_causal=True)
example = subject.encode(" ".join(["the plot drags"] * 1365))
decision = subject.decide(example)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
record, _ = subject.record(example)
maps = subject.maps(record, example)
kept = keeping_reader(maps, decision.readout)
attention_statistics(maps, readouts=decision.readout[None], separators=example.separators, also=[kept])
assert isinstance(kept.result(), PooledMaps) and len(example.ids) == 4096
last_layer_attention(maps, example, decision)
chefer_relevance(subject, example, decision)
head_gradients(subject, example, decision)
read_row(subject, example.ids[None], torch.tensor([decision.target]), readout=decision.readout).weights
head_rows(subject, example.ids[None], decision.readout)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_4096_tokens_take_less_than_the_map_of_one_layer() -> None:
    tests = Path(__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", LONG], capture_output=True, text=True, cwd=tests, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout) < 8 * 4096**2 * 4 // 2**20  # 512 MB: one layer's weights
