"""Deskhand's engine against llama-cpp-python's own ``Llama`` and against llama-server, in one run and in turns.

Every turn starts its contestant afresh and stops it afterwards, so that nothing runs beside the one that is measured;
the order of the contestants is turned round with every round. All get the same texts, threads and weights, and
GOMP_SPINCOUNT=1000.

Two things a reader of the figures has to know. llama-server is the one that is shipped in the wheel ``xllamacpp``,
built for AVX2, while the other two share a llama.cpp compiled for the CPU at hand: ``limits`` shows each one's bare
speed, so that what is owed to the build can be told from what is owed to scheduling. And ours has no way to go on after
its end of turn, while its rivals write all of their tokens: times for a whole draft are the time to the first token plus
the time a token times the tokens asked for, for everybody.
"""
