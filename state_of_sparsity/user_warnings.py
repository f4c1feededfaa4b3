"""stub until merged"""

import warnings


def warn(message, category=UserWarning):
    warnings.warn(message, category, stacklevel=3)
