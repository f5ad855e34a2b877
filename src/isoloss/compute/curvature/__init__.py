"""Second derivatives of a network's loss: eigenvalues, trace, density; and how far it rises
nearby.

Read `products` (the Hessian times vectors, block of samples by block; on `convolutions`), then
`lanczos`, `trace` and `density`, which know nothing of networks, `sampling` (errors over samples),
and `measuring`, which puts them together. Knows `engine` and what lies below it.
"""
