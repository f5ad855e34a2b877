"""All results, one after the other."""

from recipe import recipes, reproduce

if __name__ == "__main__":
    reproduce(recipes())
