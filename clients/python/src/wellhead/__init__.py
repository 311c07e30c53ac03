"""Patients and observations of a zip code as pandas DataFrames, from Wellhead's REST API."""

from wellhead.client import Client
from wellhead.errors import WellheadError

__all__ = ["Client", "WellheadError"]
__version__ = "0.1.0"
