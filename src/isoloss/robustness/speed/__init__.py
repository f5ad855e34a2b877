"""The same network, faster: folded batch norms, bf16, fewer detours."""
