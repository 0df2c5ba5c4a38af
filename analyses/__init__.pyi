from .attention.entropy import Entropy as Entropy
from .attention.entropy import HeadEntropy as HeadEntropy
from .attention.entropy import attention_entropy as attention_entropy
from .attention.patterns import Patterns as Patterns
from .attention.patterns import attention_patterns as attention_patterns
from .attention.received import Received as Received
from .attention.received import attention_received as attention_received
from .attention.rollout_readers import Rollout as Rollout
from .classic.battery import ClassicTests as ClassicTests
from .classic.battery import classic_tests as classic_tests
from .data_sets.rows import read_rows as read_rows
from .decision.analysis_document import AnalysisDocument as AnalysisDocument
from .decision.analyze import Analysis as Analysis
from .decision.analyze import analyze as analyze
from .diffusion.word_heat_maps import WordHeatMaps as WordHeatMaps
from .diffusion.word_heat_maps import word_heat_maps as word_heat_maps
from .explanations.agreement import Agreement as Agreement
from .explanations.agreement import rank_agreement as rank_agreement
from .explanations.attention_row import last_layer_attention as last_layer_attention
from .explanations.attribution import Attribution as Attribution
from .explanations.chefer_relevance import chefer_relevance as chefer_relevance
from .explanations.faithfulness import Faithfulness as Faithfulness
from .explanations.faithfulness import faithfulness as faithfulness
from .explanations.gradients import input_x_gradient as input_x_gradient
from .explanations.gradients import integrated_gradients as integrated_gradients
from .explanations.gradients import saliency as saliency
from .explanations.leave_one_out import leave_one_out as leave_one_out
from .explanations.methods import Method as Method
from .explanations.methods import chosen_methods as chosen_methods
from .explanations.methods import explain as explain
from .explanations.methods import register as register
from .explanations.methods import unregister as unregister
from .explanations.rollout import attention_rollout as attention_rollout
from .explanations.rollout import rollout_attribution as rollout_attribution
from .explanations.shared import Shared as Shared
from .generation.steps import Steps as Steps
from .generation.steps import analyze_steps as analyze_steps
from .generation.steps_document import StepsDocument as StepsDocument
from .heads.ablation import HeadImportance as HeadImportance
from .heads.ablation import head_importance as head_importance
from .heads.gradients import HeadGradients as HeadGradients
from .heads.gradients import head_gradients as head_gradients
from .heads.word_pairs import WordPairs as WordPairs
from .heads.word_pairs import word_pairs as word_pairs
from .planning.plan import Plan as Plan
from .ranking.best_order import OrderSearch as OrderSearch
from .ranking.judge import judge_explanations as judge_explanations
from .ranking.judged import Judged as Judged
from .ranking.max_sensitivity import max_sensitivity as max_sensitivity
from .ranking.passes import judging_passes as judging_passes
from .ranking.road import road as road
from .results.reading import read as read
from .results.result import PlottedResult as PlottedResult
from .results.result import Result as Result
from .studies.study import prepare as prepare
from .studies.study import study as study
from .studies.study_document import StudyDocument as StudyDocument
from .translation.alignment import Alignment as Alignment
from .translation.alignment import alignment as alignment
from .translation.alignment_errors import alignment_error_rate as alignment_error_rate
from .verdicts.one_text import OneTextVerdict as OneTextVerdict
from .verdicts.one_text import one_text_verdict as one_text_verdict
from .verdicts.resampling import CorpusUnigram as CorpusUnigram
from .verdicts.verdict import Verdict as Verdict
from .verdicts.verdict import verdict as verdict

ablate_heads = head_importance
agreement = rank_agreement
entropy = attention_entropy
patterns = attention_patterns
received = attention_received
rollout = attention_rollout
