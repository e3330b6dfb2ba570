"""Pictures of importances, after scikit-learn's displays, one a file.

matplotlib is imported when something is drawn, and not before.
"""
