"""Words, sentences and languages: pure text analysis that several stages share. No I/O."""
