"""Former paths of modules: importing one of them still works, with a warning that names its new path."""

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType

# Former folder, new folder, and the modules that moved, as former:new where the name changed.
_FOLDERS = (
    (
        "interpret",
        "interpret.attention",
        "attention_call:call interface_call unkept_call:call parted_call:composite_calls kernel_call:kernels "
        "rejoined_call:composite_calls eager:kernels masks placed:text_offset pass_inputs "
        "kept_keys:key_value_storage steps:passes_of_generation chain:layer_chain checks "
        "recomputation:gradient_checkpointing seam_taps:hooks seam:interface record:recording maps "
        "frame:position_spans",
    ),
    (
        "interpret.watching",
        "interpret.attention.observed",
        "calls form:product_axes heads:head_axis hooks:module_hooks kernels:attention_functions marks:tensor_tags "
        "mode pieces:sparse_call places:attention_functions products:attention_functions "
        "suspects:custom_attention whole:sparse_hooks",
    ),
    ("interpret.watching", "interpret.attention.tracing", "positions:position_axis streams:traces"),
    (
        "interpret.attention",
        "interpret.attention",
        "unkept_call:call parted_call:composite_calls kernel_call:kernels rejoined_call:composite_calls eager:kernels "
        "placed:text_offset",
    ),
    (
        "interpret.attention.observed",
        "interpret.attention.observed",
        "form:product_axes kernels:attention_functions marks:tensor_tags pieces:sparse_call places:attention_functions "
        "products:attention_functions suspects:custom_attention whole:sparse_hooks",
    ),
    ("interpret.attention.observed", "interpret.attention.tracing", "positions:position_axis streams:traces"),
    (
        "interpret",
        "interpret.interventions",
        "replay:layer_cache last_layer:layer_cache row:decision_row written_row:head_output_row sweep:batched_edits",
    ),
    ("interpret", "interpret.modes", "evaluating gradients:gradients_on"),
    ("interpret", "interpret.subjects", "passes:forward_pass blocks:forward_pass"),
    ("interpret.attention", "interpret.subjects", "row_blocks:forward_pass"),
    ("interpret", "interpret.subjects.models", "text_config:facts"),
    ("interpret", "interpret.system", "files memory footprint processes quiet writing refusals"),
    ("interpret", "interpret", "scale:tolerances"),
    (
        "interpret.subjects",
        "interpret.subjects.inputs",
        "chat continuation example filling:pixel_filling mentions picture remarks token_ids units words",
    ),
    (
        "interpret.subjects",
        "interpret.subjects.models",
        "conventions facts greedy kept_gradients:probing languages reading_cost sentencepieces:fast_tokenizers "
        "shared_prefix text_config:facts vectors:embeddings wrapped",
    ),
    (
        "interpret.subjects",
        "interpret.subjects.tasks",
        "answering classification generation:language_model image_tokens language_model last_token:classification "
        "own_module seq2seq:translation tagging vision:image_classification",
    ),
    ("interpret.subjects", "interpret.subjects", "single:tasks labels:label_names"),
    (
        "interpret.doctor",
        "interpret.projections",
        "readers:output_projection multiplied:output_projection answers:scores",
    ),
    (
        "interpret.doctor",
        "interpret.doctor",
        "finding:check_result rows:table table_rows:table head_edits:edits row_edits:edits padding:batching "
        "promise:prediction overrides:config_overrides",
    ),
    ("interpret.projections", "interpret.projections", "multiplied:output_projection answers:scores"),
    ("interpret.interventions", "interpret.interventions", "partial_layer:layer_cache"),
    ("interpret.native", "interpret.native", "shipped:storing teacher:corpus visible_keys:mask_rules"),
    ("interpret.cli", "interpret.cli", "cost:progress ending:signals"),
    (
        "analyses",
        "analyses.attention",
        "reading:streaming entropy patterns received tiles:pooled_maps rollout_readers packing_tiles:encoded_maps",
    ),
    (
        "analyses",
        "analyses.explanations",
        "attribution agreement faithfulness",
    ),
    ("analyses", "analyses.explanations.attention_only", "attention_row:last_layer rollout"),
    ("analyses", "analyses.explanations.gradient_based", "chefer_relevance"),
    ("analyses", "analyses.explanations.input_edits", "leave_one_out"),
    ("analyses.explanations", "analyses.explanations.attention_only", "attention_row:last_layer rollout"),
    ("analyses.explanations", "analyses.explanations.gradient_based", "chefer_relevance"),
    ("analyses.explanations", "analyses.explanations.input_edits", "leave_one_out"),
    ("analyses", "analyses.heads", "head_gradients:gradients word_pairs"),
    (
        "analyses",
        "analyses.decision",
        "analyze judgement schema caveats provenance kept_attention attention_statistics asked:argument_checks",
    ),
    ("analyses", "analyses.generation", "steps steps_leave_one_out:leave_one_out steps_schema:schema"),
    ("analyses", "analyses.export", "plain:to_json packing:encoding"),
    ("analyses", "analyses.translation", "alignment alignment_errors"),
    ("analyses", "analyses.diffusion", "word_heat_maps"),
    ("analyses", "analyses.planning", "effort cost:plan"),
    (
        "analyses.components",
        "analyses.verdicts",
        "bars:thresholds claim content:words_of_row decoys:idle_heads dominance:value_norms edits:row_edits "
        "every_head image_tokens:image_token_resampling input_rank:effects_in_context knockout masked_model "
        "measure measurement objects:objects_of_study one_text pairing:shuffled_values patch_resampling "
        "rank:rank_in_row ranking resampling top_k:top_words use verdict vocabulary "
        "whole_maps",
    ),
    ("analyses.calibration", "analyses.verdicts", "error_rates"),
    (
        "analyses.study",
        "analyses.studies",
        "study accuracy baselines classic_columns extremes halves head_map plain_calls summary",
    ),
    (
        "analyses.study",
        "analyses.data_sets",
        "rows columns delimited:text_tables json_lines:text_tables tables matching notes",
    ),
    ("analyses.calibration", "analyses.calibration", "workers:calibrate"),
    (
        "analyses.classic",
        "analyses.classic",
        "seed_variance:model_comparison without_words:probability_effects slopes:probability_effects "
        "flip_table:decision_flips ranking_tests:decision_flips violation:faithfulness_violation "
        "adversarial:adversarial_attention",
    ),
    (
        "analyses.statistics",
        "analyses.statistics",
        "ranks:rank_correlation hierarchical_bootstrap:interval randomisation:p_values multiplicity:p_values",
    ),
    ("analyses.study", "analyses.resumable", "chunks folder running parts"),
    ("reports", "reports.shared", "document notation shades charts study_numbers:side_by_side error_rate"),
    (
        "reports",
        "reports.analysis",
        "page view wording findings components classic classic_terms image_page pooled quote token_grid alignment "
        "excerpt",
    ),
    (
        "reports",
        "reports.study",
        "study_page:page study_view:view study_wording:wording study_terms:terms study_charts:charts "
        "study_classic:classic",
    ),
    (
        "reports",
        "reports.calibration",
        "calibration_page:page calibration_view:view calibration_wording:wording calibration_terms:terms",
    ),
    ("reports", "reports.generation", "steps_page:page steps_view:view"),
    ("reports", "reports.figures", "pair_figure:word_pairs word_heat_figure:word_heat_maps"),
    ("reports", "analyses.results", "drawing"),
    ("reports.figures", "analyses.results", "drawing"),
)
PACKAGES = {
    "interpret.watching": "interpret.attention.observed",
    "analyses.components": "analyses.verdicts",
    "analyses.study": "analyses.studies",
}
MOVED = {
    **{former: (new,) for former, new in PACKAGES.items()},
    **{
        f"{former}.{name.split(':')[0]}": (f"{new}.{name.split(':')[-1]}",)
        for former, new, names in _FOLDERS
        for name in names.split()
    },
    **{
        former: tuple(
            f"analyses.explanations.gradient_based.{name}"
            for name in ("saliency", "input_x_gradient", "integrated_gradients", "embeddings")
        )
        for former in (
            "analyses.gradients",
            "analyses.explanations.gradients",
            "analyses.explanations.gradient_based.plain_gradients",
        )
    },
    "analyses.study.study": ("analyses.studies.study", "analyses.studies.prepared"),
    "interpret.edit": ("interpret.attention.editing", "interpret.attention.edits"),
    "interpret.subjects.patches": ("interpret.subjects.inputs.patches", "interpret.subjects.models.patch_probing"),
    "interpret.subjects.probing": ("interpret.subjects.models.probing", "interpret.subjects.embedding_check"),
    "interpret.subjects.single_score": ("interpret.subjects.label_names", "interpret.subjects.tasks.classification"),
}


class _FormerModule(ModuleType):
    """A module at a former path."""


class _Package(ModuleType):
    """A package whose public names stay what they are when a module of such a former name is imported."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (isinstance(value, _FormerModule) and name in self.__dict__.get("__all__", ())):
            super().__setattr__(name, value)


class _FormerPaths:
    """Finds modules by their former paths; asked last, after all other finders.

    It is a finder and a loader by its methods alone: importing their base classes would take longer than all the rest.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A module that stands for the one at the new path; `None` for any other name."""
        return ModuleSpec(name, self, is_package=name in PACKAGES) if name in MOVED else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return _FormerModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Lends the module the names of the one at its new path."""
        paths = MOVED[module.__name__]
        said = f"the module {module.__name__} is {' and '.join(paths)} now"
        warnings.warn(said, DeprecationWarning, stacklevel=2)
        for path in paths:
            names = vars(import_module(path))
            module.__dict__.update({name: value for name, value in names.items() if not name.startswith("__")})


def keep_former_paths(package: str) -> None:
    """Lets former paths in a package be imported, and its public names be what they are.

    Args:
        package: Its name; it is being imported.
    """
    sys.modules[package].__class__ = _Package
    if not any(isinstance(finder, _FormerPaths) for finder in sys.meta_path):
        sys.meta_path.append(_FormerPaths())
