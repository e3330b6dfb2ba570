"""Selectors that keep the columns a neural network needs."""

from skviann.feature_selection._report import SelectionReport
from skviann.feature_selection._sampling import ConditionalSampler
from skviann.feature_selection._selector import VIANNSelector
from skviann.feature_selection._teacher_student import TeacherStudentSelector

__all__ = [
    "ConditionalSampler",
    "SelectionReport",
    "TeacherStudentSelector",
    "VIANNSelector",
]
