"""Selectors that keep the columns a neural network needs."""

from skviann.feature_selection._sampling import ConditionalSampler
from skviann.feature_selection._teacher_student import TeacherStudentSelector
from skviann.feature_selection._viann import VIANNSelector

__all__ = ["ConditionalSampler", "TeacherStudentSelector", "VIANNSelector"]
