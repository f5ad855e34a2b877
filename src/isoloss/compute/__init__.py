"""The backend: networks, data, training, planes, probing. The only place that imports torch."""
