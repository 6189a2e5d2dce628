"""What is usual of many values: a standard deviation of which a few outliers change nothing."""

from __future__ import annotations

DEVIATION_SHARE = 0.6745
"""The median of how far normal noise lies from its middle, as a share of its standard deviation."""
MEDIANS = 1.4826
"""The inverse: so many of these medians are a standard deviation."""
