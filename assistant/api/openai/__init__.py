"""OpenAI's chat completions as a wire format: what is asked, what is answered, and errors in its form.

It knows nothing of tickets and documents: other programs use the models through it, on their own account.
"""
