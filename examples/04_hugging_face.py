"""A network of Hugging Face's transformers: batches are dicts, and called as `model(**batch)`.

Trains a small BERT, from scratch and without a download, to say which page of the Python reference
a snippet of 48 characters is from. The loss is the model's own, of each sample by itself.
"""

from pydoc_data.topics import topics

import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification

import isoloss

LENGTH, PAGES = 48, 8


def snippets() -> tuple[dict[str, torch.Tensor], int]:
    """All snippets as one batch, as a tokenizer would give it, and the number of characters."""
    pages = sorted(topics.values(), key=len)[-PAGES:]
    alphabet = sorted(set("".join(pages)))
    number = {character: k for k, character in enumerate(alphabet)}
    rows, labels = [], []
    for label, page in enumerate(pages):
        for start in range(0, min(len(page), 12_000) - LENGTH, LENGTH // 2):
            rows.append([number[c] for c in page[start : start + LENGTH]])
            labels.append(label)
    ids = torch.tensor(rows)
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "labels": torch.tensor(labels),
    }, len(alphabet)


def main() -> None:
    torch.manual_seed(0)
    everything, vocabulary = snippets()
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=64, max_position_embeddings=LENGTH, num_labels=PAGES,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), 4e-3)
    model.train()
    for _ in range(6):
        for rows in torch.randperm(len(everything["labels"])).split(32):
            optimizer.zero_grad()
            model(**{name: tensor[rows] for name, tensor in everything.items()}).loss.backward()
            optimizer.step()

    plane = isoloss.random_plane(model, seed=0)
    axis = np.linspace(-1, 1, 13)
    surface = isoloss.probe(model, [everything], plane, axis, axis, samples=192)
    surface.meta["title"] = "A small BERT on the Python reference"
    surface.save("bert.ply")
    isoloss.render(surface, "bert.png")
    centre = surface.loss[6, 6], 100 * surface.accuracy[6, 6]
    print(
        f"loss {centre[0]:.3f}, accuracy {centre[1]:.1f} % at the centre; wrote bert.ply, bert.png"
    )


if __name__ == "__main__":
    main()
