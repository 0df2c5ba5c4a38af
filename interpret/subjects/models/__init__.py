"""Facts about models and ways to run them that no task owns: call conventions, checks, tokenizers, caches."""
