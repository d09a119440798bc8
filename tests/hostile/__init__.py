"""Requests that nobody means well: made up from a seed, sent in process, judged by what the server answers.

    python -m tests.hostile [REQUESTS]      goes on where it stopped; a million unless told otherwise
"""
