"""The loss landscape of a language model: a small GPT that writes one character after another.

Trains for about 15 seconds on the Python reference that comes with the standard library, and draws
the surface around what it has learned. Logits (N, length, vocabulary) and targets (N, length) need
no loss of one's own: it is the mean cross-entropy over all characters.
"""

import time
from pydoc_data.topics import topics

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isoloss

CONTEXT, WIDTH, HEADS, LAYERS = 64, 64, 4, 2
SECONDS = 15


class Block(nn.Module):
    """Attention to what came before, then a small network at each place, both added on."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.mlp = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, x: Tensor) -> Tensor:
        n, length, _ = x.shape
        heads = (
            self.qkv(self.before_attention(x)).view(n, length, 3, HEADS, -1).permute(2, 0, 3, 1, 4)
        )
        seen = F.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.project(seen.transpose(1, 2).reshape(n, length, WIDTH))
        return x + self.mlp(self.before_mlp(x))


class TinyGPT(nn.Module):
    """(N, length) characters to (N, length, vocabulary) logits of the character that follows."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(vocabulary, WIDTH)
        self.places = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, vocabulary)

    def forward(self, text: Tensor) -> Tensor:
        x = self.characters(text) + self.places.weight[: text.shape[1]]
        return self.head(self.norm(self.blocks(x)))


def sequences(text: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """`n` random sequences, and the same moved on by one character."""
    starts = torch.randint(len(text) - CONTEXT, (n, 1))
    places = starts + torch.arange(CONTEXT)
    return text[places], text[places + 1]


def main() -> None:
    torch.manual_seed(0)
    corpus = "\n".join(topics[name] for name in sorted(topics))
    alphabet = sorted(set(corpus))
    text = torch.tensor([alphabet.index(c) for c in corpus])
    model = TinyGPT(len(alphabet))
    optimizer = torch.optim.AdamW(model.parameters(), 0.003)
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        optimizer.zero_grad()
        characters, following = sequences(text, 32)
        loss = F.cross_entropy(model(characters).transpose(1, 2), following)
        loss.backward()
        optimizer.step()
    print(f"training loss {loss.item():.2f} nats; guessing costs {np.log(len(alphabet)):.2f}")

    plane = isoloss.random_plane(model, seed=0)
    axis = np.linspace(-1, 1, 25)
    surface = isoloss.probe(model, [sequences(text, 64)], plane, axis, axis)
    surface.meta["title"] = "A small GPT on the Python reference"
    surface.save("gpt.ply")
    isoloss.render(surface, "gpt.png")
    print(f"loss at the centre {surface.loss[12, 12]:.3f}; wrote gpt.ply and gpt.png")


if __name__ == "__main__":
    main()
