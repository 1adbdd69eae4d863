"""Runs GGUF models in process (llama-cpp-python's low-level API), in a supervised child.

In the parent: ``local.LocalModel`` is the LanguageModel the rest of Deskhand sees, ``process.ModelProcess`` keeps the
child alive, ``link`` carries requests and events, ``host`` and ``guest`` let other processes use the same models, and
``lane`` keeps the embedder beside them from taking the cores while drafts are written.

In the child, from the outside in::

    child        lines in, events out
    loaded       a model ready to work: makes a task of each request
    scheduler    whose step is next: one step of one model at a time
    writing      a request's steps: read the prompt, then token for token     } generators of
    reading      a prompt's steps: take up what is kept, read the rest        } ``steps.Step``
    shelf        states of prompts, kept by what they are worth, on disk in ``state_file``
    slots        llama.cpp's context: streams of keys and values, decode, states in and out
    states       states as arrays: cut, joined, moved
    weights, vocabulary, sampler, text_stream, pace

A request is a generator that yields the tokens it wants appended and is sent what may follow them. So each reads
like a straight line, and the scheduler can stop, merge, reorder or drop any of them between two steps.
"""
