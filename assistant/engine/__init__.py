"""Runs GGUF models in process (llama-cpp-python's low-level API), in a supervised child.

``local.LocalModel`` is the LanguageModel the rest of Deskhand sees. Behind it ``process.ModelProcess``
keeps one child alive that owns all models of this machine and works on one request at a time, so that
they never fight for the cores. In the child, ``child`` reads requests, ``gguf.GgufModel`` runs them,
``vocabulary``, ``sampler`` and ``text_stream`` turn text to tokens and back.
"""
