"""Description of a model by its config alone, without weights or memory for them."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from interpret.attention.recording import recording
from interpret.doctor.building import MODEL_MAPPINGS, class_names
from interpret.doctor.description import CallShape, Description, declared_layers, longest_text, task_of, way_in
from interpret.doctor.prediction import require_loadable
from interpret.doctor.sampling import sample_inputs
from interpret.errors import InputError
from interpret.loading.checkpoints import read_json, require_plausible
from interpret.loading.description import describe
from interpret.projections.scores import model_scores
from interpret.subjects.models.facts import text_config
from interpret.system.quiet import quiet
from interpret.system.refusals import first_line, refusing


def read_config(name: str, task: str | None) -> tuple[Path, Any, str]:
    """Finds a config and its task.

    Args:
        name: A folder with a config.json, a config file, or the id of a model on the Hugging Face Hub.
        task: The task, if the config doesn't say it.

    Returns:
        The config's file, the transformers config, and one of the tasks in `interpret.doctor.building.TASKS`.

    Raises:
        InputError: There is no such config, its sizes are implausible, or it is for none of the tasks.
    """
    path = _config_path(name)
    values = read_json(path)
    try:
        require_plausible(path, values, 0)
    except InputError as error:
        declared = str(error).partition(", but")[0]
        raise InputError(f"{declared}, which no model has; get this file again") from error
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = str(values.get("model_type"))
    if kind not in CONFIG_MAPPING:
        require_loadable(name, path, task)
    with quiet(), refusing(f"{path} can't be used"):
        config = CONFIG_MAPPING[kind].from_dict(values)
    return path, config, _task(name, path, values, task)


def describe_config(name: str, config: Any, task: str, attention: Collection[type]) -> Description:
    """Describes a model of this config, by building it on the meta device.

    Args:
        name: The user's name for it.
        config: Its config.
        task: Its task.
        attention: Classes of the modules whose attention was seen in a small model of it: each such module in the full
            model counts as one call. Without any, no calls are described.

    Raises:
        InputError: Transformers can't build it.
    """
    empty = _on_meta_device(name, config, task)
    return Description(
        name=name,
        model_class=type(empty).__name__,
        architecture=config.model_type,
        task=task,
        layers=declared_layers(config),
        calls=(_shape(config),) * sum(type(module) in attention for module in empty.modules()),
        kernel=str(empty.config._attn_implementation),
        dtype=str(config.dtype or "float32").removeprefix("torch."),
        parameters=sum(parameter.numel() for parameter in empty.parameters()),
        way_in=way_in(set()),
        longest=longest_text(config),
    )


def image_lengths(name: str, config: Any, task: str) -> tuple[int, ...]:
    """Number of positions of an image model, in a tuple; empty if its layers differ or it can't be told."""
    empty = _on_meta_device(name, config, task)
    try:
        with quiet(), torch.device("meta"), torch.no_grad(), recording(empty) as record:
            model_scores(empty, sample_inputs(empty, examples=1))
        shapes = {call.output.shape[:2] for call in record.calls if call.output is not None}
    except Exception:  # a model may raise anything on meta tensors
        return ()
    return tuple(positions for examples, positions in shapes if examples == len(shapes) == 1)  # windows are examples


def _on_meta_device(name: str, config: Any, task: str) -> Any:
    """Builds the model on the meta device."""
    import transformers
    from transformers.initialization import no_init_weights

    made = getattr(transformers, class_names(config.model_type, task)[0])
    with quiet(), refusing(f"{name} describes no model that can be built"), torch.device("meta"), no_init_weights():
        empty = made._from_config(config).eval()
        empty.tie_weights()
    return empty


def _config_path(name: str) -> Path:
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            describe(name, path, None)
        path = path / "config.json"
    if path.is_file():
        return path
    if path.is_absolute() or name.startswith((".", "~")) or name.endswith(".json") or not name.strip():
        raise InputError(f"there is no config {path}; give a folder with a config.json, that file, or a hub id")
    import huggingface_hub

    try:
        return Path(huggingface_hub.hf_hub_download(name, "config.json"))
    except Exception as error:  # many kinds: no network, no such model, no permission
        raise InputError(
            f"{name} is neither a folder or file here nor a model whose config the Hugging Face Hub gave "
            f"({type(error).__name__}: {first_line(error)}); check the spelling, or give its config.json"
        ) from error


def _task(name: str, path: Path, values: dict[str, Any], task: str | None) -> str:
    kind = values["model_type"]
    possible = [known for known in MODEL_MAPPINGS if class_names(kind, known)]
    if task is not None:
        if task not in possible:
            raise InputError(f"a {kind} can't be built for {task!r}; possible are {', '.join(possible) or 'none'}")
        return task
    made_for = values.get("architectures") or []
    found = [known for each in made_for if isinstance(each, str) and (known := task_of(each, kind))]
    if found:
        return found[0]
    if not made_for and len(possible) == 1:
        return possible[0]
    require_loadable(name, path, None)
    raise InputError(f"{path} doesn't say its task; give --task: possible are {', '.join(possible) or 'none'}")


def _shape(config: Any) -> CallShape:
    """Shape of a layer's heads, from the usual names in a config."""
    text = text_config(config)

    def number(*names: str) -> int | None:
        return next((value for name in names if isinstance(value := getattr(text, name, None), int) and value), None)

    heads = number("num_attention_heads", "n_head", "num_heads", "encoder_attention_heads") or 1
    hidden = number("hidden_size", "d_model", "n_embd", "dim") or heads
    width = number("head_dim", "d_kv") or hidden // heads
    return CallShape(heads, number("num_key_value_heads", "num_kv_heads") or heads, width, width)
