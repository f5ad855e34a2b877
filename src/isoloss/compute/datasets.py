"""`load_dataset` under the name that scripts know it by from earlier versions."""

from isoloss.compute.data.datasets import load_dataset

__all__ = ["load_dataset"]
