"""The stages of ``pipeline.answer()``: one module, one public verb each. No I/O, and no stage knows another."""
