"""Work and memory of a function: against closed forms, sums by hand, and torch's own counter."""

import gc
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from interpret.system.operations import counted_operations

NUMBER = 4  # bytes of a float32


@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
def test_a_linear_model_multiplies_and_adds_once_for_each_weight(mode: Callable[[], Any]) -> None:
    with mode():
        model = nn.Sequential(nn.Linear(30, 50), nn.ReLU(), nn.Linear(50, 20))
        given = torch.ones(7, 30)
        assert counted_operations(lambda: model(given)).flops == 2 * 7 * (30 * 50 + 50 * 20)


def test_a_backward_pass_is_a_product_for_the_input_and_one_for_the_weights() -> None:
    layer, given = nn.Linear(30, 50), torch.ones(7, 30, requires_grad=True)
    product = 2 * 7 * 30 * 50
    assert counted_operations(lambda: torch.autograd.grad(layer(given).sum(), given)).flops == 2 * product
    assert counted_operations(lambda: layer(given).sum().backward()).flops == 3 * product


@pytest.mark.parametrize("is_causal", [False, True])
def test_attention_is_two_products_and_five_on_the_way_back(is_causal: bool) -> None:
    query, key, value = (torch.randn(2, 4, 9, size).requires_grad_() for size in (16, 16, 16))
    product = 2 * 2 * 4 * 9 * 9 * 16  # of hidden pairs too

    def run() -> Tensor:
        return functional.scaled_dot_product_attention(query, key, value, is_causal=is_causal)

    assert counted_operations(run).flops == 2 * product
    assert counted_operations(lambda: run().sum().backward()).flops == (2 + 5) * product
    with FlopCounterMode(display=False) as torch_s_own:
        run()
    assert torch_s_own.get_total_flops() in (0, 2 * product)  # 0: it doesn't know the kernel for the CPU


def test_attention_step_by_step_counts_as_much_as_its_kernel() -> None:
    query, key, value = torch.randn(3, 2, 4, 9, 16).unbind()

    def steps() -> Tensor:
        return (query @ key.transpose(-1, -2) / 4).softmax(dim=-1) @ value

    kernel = counted_operations(lambda: functional.scaled_dot_product_attention(query, key, value))
    assert counted_operations(steps).flops == kernel.flops
    with FlopCounterMode(display=False) as torch_s_own:
        steps()
    assert torch_s_own.get_total_flops() == kernel.flops


def test_experts_that_are_multiplied_together_count_each_row_once() -> None:
    rows, experts = torch.randn(10, 16, dtype=torch.bfloat16), torch.randn(2, 16, 8, dtype=torch.bfloat16)
    ends = torch.tensor([4, 10], dtype=torch.int32)
    assert counted_operations(lambda: torch._grouped_mm(rows, experts, offs=ends)).flops == 2 * 10 * 16 * 8


def test_memory_is_that_of_tensors_that_live_at_the_same_time() -> None:
    given = torch.ones(1000)

    def run() -> Tensor:
        first = given * 2
        second = first * 2  # both live
        del first
        third = torch.cat([second, second])  # 1000 and 2000
        third.mul_(2)  # in place: nothing more
        return third[:10]  # a view takes nothing

    assert counted_operations(run).memory == 3000 * NUMBER


def test_memory_within_functions_and_for_gradients_is_seen() -> None:
    def within(given: Tensor) -> Tensor:  # softmax and its result by a number, inside one function of torch
        return functional.scaled_dot_product_attention(given, given, given, attn_mask=torch.ones(50, 50).bool())

    given = torch.ones(1, 1, 50, 8)
    assert counted_operations(lambda: within(given)).memory >= 50 * 50 * (1 + NUMBER)
    slope = torch.ones(1000, requires_grad=True)
    with torch.no_grad():
        assert counted_operations(lambda: slope.exp().exp().exp()).memory == 2000 * NUMBER
    assert counted_operations(lambda: slope.exp().exp().exp()).memory == 3000 * NUMBER  # all kept for the way back


def test_what_is_in_cycles_lives_on_in_every_run() -> None:
    def run() -> None:
        for _ in range(3000):  # so many that the garbage collector would run
            ring: list[Any] = [torch.ones(10)]
            ring.append(ring)

    gc.collect()
    assert [counted_operations(run).memory for _ in range(3)] == [30_000 * NUMBER] * 3
    assert gc.isenabled()


def test_after_an_error_nothing_is_counted_any_more() -> None:
    with pytest.raises(ZeroDivisionError):
        counted_operations(lambda: 1 / 0)
    assert gc.isenabled() and torch.utils._python_dispatch._len_torch_dispatch_stack() == 0
    assert math.isfinite(counted_operations(lambda: torch.ones(2) @ torch.ones(2)).flops)
