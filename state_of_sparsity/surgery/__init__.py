"""How a model is cut: which layers are wrapped by which rules, put in, taken out, frozen."""
