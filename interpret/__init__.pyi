from .attention.editing import Edit as Edit
from .attention.editing import editing as editing
from .attention.edits import block_attention as block_attention
from .attention.edits import mean_head as mean_head
from .attention.edits import permute_row as permute_row
from .attention.edits import set_head as set_head
from .attention.edits import set_weights as set_weights
from .attention.edits import uniform_row as uniform_row
from .attention.edits import zero_head as zero_head
from .attention.interface import AttentionCall as AttentionCall
from .attention.interface import attend as attend
from .attention.recording import Check as Check
from .attention.recording import Recording as Recording
from .attention.recording import recording as recording
from .errors import CaptureError as CaptureError
from .errors import InputError as InputError
from .loading.sources import load as load
from .subjects.decision import Decision as Decision
from .subjects.inputs.batch import Batch as Batch
from .subjects.inputs.example import Example as Example
from .subjects.inputs.example import Unit as Unit
from .subjects.subject import Subject as Subject
from .subjects.tasks.classification import TextClassification as TextClassification
from .subjects.tasks.language_model import NextToken as NextToken

__version__: str
